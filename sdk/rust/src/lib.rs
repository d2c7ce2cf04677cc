#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod codec;
#[allow(missing_docs)] // the contract says of each field what there is to say
mod contract;
mod error;
mod host;
mod imports;
mod json;
mod socket;
mod words;

#[cfg(target_family = "wasm")]
mod abi;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod guest;
#[doc(hidden)]
pub mod kinds;
#[cfg(not(target_family = "wasm"))]
pub mod test;

pub use codec::{Reader, Value, Writer};
pub use contract::*;
pub use error::Result;
pub use host::Host;
pub use json::{Json, Number};
pub use kinds::{Channel, Hook, Provider, Schedule, Service, Stt, Tool, Tts, Webhook};
pub use socket::Socket;
pub use words::{escape, header, random};
