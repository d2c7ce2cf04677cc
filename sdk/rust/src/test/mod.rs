//! A gateway in memory, for `cargo test`: a plugin runs in it without WebAssembly.
//!
//! A [`Gateway`] answers everything that a plugin may ask for from memory: kv, configuration, credentials that are only ever
//! seen by the test's server, jobs, events, log lines, progress. It refuses what is beyond the contract's bounds. [`replay`] runs transcripts, the files in which a plugin's
//! calls are recorded and replayed, and which are the same for every SDK.

mod gateway;
mod http;
mod imports;
mod replay;

pub use gateway::{Dial, Gateway, Server, Sign, State, Stream, Tool};
pub use http::{Request, Response};
pub use replay::replay;
