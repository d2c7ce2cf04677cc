use std::fmt;

use crate::{Code, Error};

/// What a plugin's functions and the gateway's answer.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a message for the owner: what happened, and what to do next.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error { code, message: message.into(), ..Error::default() }
    }

    /// An error of another library's, as `internal`: `.map_err(Error::internal)`.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Error::new(Code::Internal, cause.to_string())
    }

    /// The same error, of which the same request may succeed later where `retryable` is true.
    pub fn retryable(self, retryable: bool) -> Self {
        Error { retryable, ..self }
    }

    /// The same error, of which the same request may succeed after so many milliseconds.
    pub fn retry_after(self, milliseconds: i64) -> Self {
        Error { retryable: true, retry_after: Some(milliseconds), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
