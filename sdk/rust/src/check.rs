//! What the contract allows of a record, as the gateway checks it. Tests look at it; a guest has no part of it.

use crate::codec::{Value, Writer};
use crate::{Code, Error, Result};

/// How many problems one error names.
const MOST: usize = 8;

/// Collects what is wrong with a value, by its path.
#[derive(Default)]
pub struct Problems {
    path: Vec<String>,
    list: Vec<String>,
    /// Something is more than too large.
    invalid: bool,
}

/// Matches a whole text, byte by byte, by a table that is made of a regular expression. State 0 has no way on, state 1 is
/// the start.
pub struct Pattern {
    /// How many classes of bytes there are.
    pub width: usize,
    /// The class of each byte.
    pub class: &'static [u8; 256],
    /// The next state, by state and class.
    pub next: &'static [u8],
    /// Whether a text may end there, by state.
    pub accept: &'static [u8],
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        let next =
            |state: usize, byte: u8| usize::from(self.next[state * self.width + usize::from(self.class[usize::from(byte)])]);
        self.accept[text.bytes().fold(1, next)] == 1
    }
}

/// Bounds of a length, and what a text is like.
pub struct Bounds {
    required: bool,
    min: usize,
    max: usize,
    like: Option<(&'static Pattern, &'static str)>,
}

impl Bounds {
    /// `required` has no text that is blank; `max` is `usize::MAX` where there is no bound.
    pub fn new(required: bool, min: usize, max: usize) -> Self {
        Bounds { required, min, max, like: None }
    }

    /// And a pattern, with the words for what it matches.
    pub fn like(self, pattern: &'static Pattern, means: &'static str) -> Self {
        Bounds { like: Some((pattern, means)), ..self }
    }
}

/// Refuses what the contract does not allow, naming each problem: `invalid`, or `too_large` where there only is too much of
/// something.
pub fn checked<T: Value>(value: T) -> Result<T> {
    let mut p = Problems::default();
    value.check(&mut p);
    if p.list.is_empty() {
        return Ok(value);
    }
    let code = if p.invalid { Code::Invalid } else { Code::TooLarge };
    Err(Error::new(code, p.list.join("; ")))
}

impl Problems {
    fn add(&mut self, code: Code, name: &str, what: impl Into<String>) {
        self.invalid |= code == Code::Invalid;
        if self.list.len() < MOST {
            let place: Vec<&str> = self.path.iter().map(String::as_str).chain(Some(name).filter(|n| !n.is_empty())).collect();
            self.list.push(format!("{}: {}", place.join("."), what.into()));
        }
    }

    /// Checks what is in a field: a record, a case, or a list of them.
    pub fn within<T: Value>(&mut self, name: &str, value: &T) {
        self.path.push(name.into());
        value.check(self);
        self.path.pop();
    }

    /// Checks the items of a list.
    pub fn each<T: Value>(&mut self, items: &[T]) {
        let name = self.path.pop().unwrap_or_default();
        for (n, item) in items.iter().enumerate() {
            self.within(&format!("{name}[{n}]"), item);
        }
        self.path.push(name);
    }

    /// Notes a case that the contract does not have.
    pub fn unknown(&mut self, case: &str) {
        self.add(Code::Invalid, "", format!("{} is not known", quote(case)));
    }

    /// Checks how many items a list has.
    pub fn items(&mut self, name: &str, n: usize, bounds: Bounds) {
        self.length(name, n, n == 0, &bounds, "items");
    }

    /// Checks how many bytes there are.
    pub fn bytes(&mut self, name: &str, n: usize, bounds: Bounds) {
        self.length(name, n, n == 0, &bounds, "bytes");
    }

    /// Checks how long a JSON value is, where there is one.
    pub fn json<T: Value>(&mut self, name: &str, value: &T, bounds: Bounds) {
        let n = if value.is_zero() { 0 } else { Writer::all(value).len() };
        self.bytes(name, n, bounds);
    }

    /// Checks that a JSON value is an object, where there is one.
    pub fn object<T: Value>(&mut self, name: &str, value: &T) {
        if !value.is_zero() && !Writer::all(value).starts_with('{') {
            self.add(Code::Invalid, name, "is not an object");
        }
    }

    fn length(&mut self, name: &str, n: usize, empty: bool, b: &Bounds, unit: &str) -> bool {
        let allowed = match (b.min, b.max) {
            (0, max) => format!("at most {max}"),
            (min, usize::MAX) => format!("at least {min}"),
            (min, max) => format!("{min} to {max}"),
        };
        if b.required && empty || n == 0 && b.min > 0 {
            self.add(Code::Invalid, name, "is missing");
        } else if n < b.min || n > b.max {
            let code = if b.min == 0 { Code::TooLarge } else { Code::Invalid };
            self.add(code, name, format!("has {n} {unit}, {allowed} are allowed"));
        } else {
            return true;
        }
        false
    }

    /// Checks a text.
    pub fn text(&mut self, name: &str, text: &str, bounds: Bounds) {
        if self.length(name, text.len(), text.trim().is_empty(), &bounds, "bytes") {
            self.like(name, text, bounds);
        }
    }

    /// Checks a text that may be empty: one that is optional, or that stands for another one then.
    pub fn optional(&mut self, name: &str, text: Option<&str>, bounds: Bounds) {
        let Some(text) = text else { return };
        if self.length(name, text.len(), false, &bounds, "bytes") && !text.is_empty() {
            self.like(name, text, bounds);
        }
    }

    /// Checks the texts of a list.
    pub fn texts(&mut self, name: &str, texts: &[String], bounds: fn() -> Bounds) {
        for (n, text) in texts.iter().enumerate() {
            self.text(&format!("{name}[{n}]"), text, bounds());
        }
    }

    fn like(&mut self, name: &str, text: &str, bounds: Bounds) {
        match bounds.like {
            Some((pattern, means)) if !pattern.matches(text) && text.is_empty() => {
                self.add(Code::Invalid, name, format!("is missing: use {means}"));
            }
            Some((pattern, means)) if !pattern.matches(text) => {
                self.add(Code::Invalid, name, format!("{} is not {means}", quote(text)))
            }
            _ => {}
        }
    }

    /// Checks a number. One that stands for another may be 0.
    pub fn number(&mut self, name: &str, number: Option<i128>, low: Option<i128>, high: Option<i128>, stands: bool) {
        let Some(n) = number else { return };
        if low.is_none_or(|low| n >= low) && high.is_none_or(|high| n <= high) || stands && n == 0 {
            return;
        }
        let allowed = match (low, high) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            (Some(low), None) => format!("at least {low}"),
            (_, high) => format!("at most {}", high.unwrap_or_default()),
        };
        self.add(Code::Invalid, name, format!("{n} is not {allowed}"));
    }

    /// Checks that one of several fields is there.
    pub fn one_of(&mut self, names: &str, there: &[bool]) {
        if there.iter().filter(|&&there| there).count() != 1 {
            self.add(Code::Invalid, names, "give one of them");
        }
    }
}

/// Shows the beginning of a text.
fn quote(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}
