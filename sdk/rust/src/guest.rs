//! What the macro `export!` stands on: the way from a call to a plugin's method and back.

#[cfg(target_family = "wasm")]
use std::io::Write;

use crate::codec::{Reader, Value, Writer};
use crate::{Code, Error, Host, Result};

/// A plugin whose functions are called by name, as tests do it. [`export!`](crate::export!) implements it.
pub trait Plugin {
    /// Calls an export, with JSON for parameter and result.
    fn call(&mut self, host: &Host, export: &str, input: &str) -> Result<String>;
}

/// Reads a parameter, calls a method and writes its result.
pub fn handle<I: Value, O: Value>(input: &str, method: impl FnOnce(I) -> Result<O>) -> Result<String> {
    let record = Reader::all(input).map_err(|problem| Error::new(Code::Invalid, problem))?;
    let answer = method(record)?;
    #[cfg(not(target_family = "wasm"))] // where the gateway does it
    let answer = crate::check::checked(answer)?;
    Ok(Writer::all(&answer))
}

/// What an optional function answers that a plugin does not have, as a module without the export would.
pub fn missing<T>(export: &str) -> Result<T> {
    Err(Error::new(Code::NotFound, format!("this plugin cannot {export}: take it out of the manifest")))
}

/// Serves one call of the gateway's, and gives the code that Extism has for how it went.
#[cfg(target_family = "wasm")]
pub fn serve<I: Value, O: Value>(method: impl FnOnce(&Host, I) -> Result<O>) -> i32 {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(panicked)));
    answer(handle(&crate::abi::input(), |record| method(&Host::new(), record)))
}

#[cfg(target_family = "wasm")]
fn answer(result: Result<String>) -> i32 {
    match result {
        Ok(output) => {
            crate::abi::output(&output);
            0
        }
        Err(error) => {
            crate::abi::fail(&Writer::all(&error));
            1
        }
    }
}

/// Says in one line where a panic was and why: the gateway shows it with the call that it ends.
#[cfg(target_family = "wasm")]
fn panicked(panic: &std::panic::PanicHookInfo) {
    let payload = panic.payload();
    let why = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let line = format!("panic at {place}: {}\n", why.unwrap_or_default());
    let _ = std::io::stderr().write_all(line.as_bytes()); // a lost line stops nobody
}

/// Says what a plugin is: `export!(Dice: Tool)` gives the module the functions of the trait [`Tool`](crate::Tool), which
/// the type implements. Several kinds stand beside each other: `export!(Chat: Channel, Webhook)`.
///
/// The type has to be [`Default`]: an instance of the module makes one. What is kept in it may be gone at the next call,
/// but for a [`Service`](crate::Service), which has an instance of its own from its start to its stop.
#[macro_export]
macro_rules! export {
    ($plugin:ty: $($kind:ident),+ $(,)?) => {
        #[cfg(not(target_family = "wasm"))]
        impl $crate::guest::Plugin for $plugin {
            fn call(&mut self, host: &$crate::Host, export: &str, input: &str) -> $crate::Result<String> {
                $(if let Some(result) = $crate::kind!(call $kind, self, host, export, input) {
                    return result;
                })+
                $crate::guest::missing(export)
            }
        }

        // A plugin is not dead code where nothing is exported.
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> $plugin = ::std::default::Default::default;

        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static PLUGIN: ::std::cell::RefCell<$plugin> = ::std::default::Default::default();
            }
            $($crate::kind!(export $kind);)+
        };
    };
}
