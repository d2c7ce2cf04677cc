//! What plugins say often, in fewer words.

use crate::contract::*;

impl Part {
    /// A part that is a text.
    pub fn text(text: impl Into<String>) -> Self {
        Part { text: Some(text.into()), ..Part::default() }
    }
}

impl ToolOutput {
    /// An output of one text.
    pub fn text(text: impl Into<String>) -> Self {
        ToolOutput { content: vec![Part::text(text)], failed: false }
    }

    /// The output of a tool that ran and has bad news: what is wrong and how to ask better.
    pub fn failed(text: impl Into<String>) -> Self {
        ToolOutput { failed: true, ..Self::text(text) }
    }
}

impl WebhookReply {
    /// Answers a call with a status and a text, which may be empty.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        WebhookReply { status, text: Some(text.into()), ..Self::default() }
    }
}

impl ServiceHealth {
    /// Says that nothing is wrong, and what the service does at present.
    pub fn well(message: impl Into<String>) -> Self {
        ServiceHealth { message: message.into(), ..Self::default() }
    }

    /// Says what is wrong: the service is started anew.
    pub fn ill(problem: impl Into<String>) -> Self {
        ServiceHealth { problem: problem.into(), ..Self::default() }
    }
}

impl Speech {
    /// Answers with the request whose response's body is the sound.
    pub fn request(request: HttpRequest) -> Self {
        Speech { request: Some(request), ..Self::default() }
    }

    /// Answers with the sound itself.
    pub fn sound(mime: impl Into<String>, bytes: Vec<u8>) -> Self {
        Speech { bytes: Some(bytes), mime: Some(mime.into()), ..Self::default() }
    }
}

impl Header {
    /// A header.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Header { name: name.into(), value: value.into() }
    }
}

/// The first header of a name, in whatever case a server writes it.
pub fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
}

/// A text as it is written in a URL's path or query: all but letters, digits and `-._~` with a percent sign.
///
/// ```
/// assert_eq!(carapace::escape("New York/é"), "New%20York%2F%C3%A9");
/// ```
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => escaped.push(byte as char),
            _ if byte.is_ascii_alphanumeric() => escaped.push(byte as char),
            _ => escaped.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    escaped
}

fn hex(digit: u8) -> char {
    b"0123456789ABCDEF"[usize::from(digit)] as char
}

/// Sixty-four bits that nobody can guess.
#[cfg(target_family = "wasm")]
pub fn random() -> u64 {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    extern "C" {
        fn random_get(to: *mut u8, length: usize) -> u16;
    }
    let mut bytes = [0; 8];
    // SAFETY: the host writes as many bytes as there are.
    let failed = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
    assert!(failed == 0, "the host has no random numbers");
    u64::from_le_bytes(bytes)
}

/// Sixty-four bits that nobody can guess.
#[cfg(not(target_family = "wasm"))]
pub fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}
