//! Reads and writes the contract's JSON: what is empty is left out, and what was left out, or is null, is empty.

use std::borrow::Cow;

#[cfg(not(target_family = "wasm"))]
use crate::check::Problems;
use crate::Json;

/// How deep arrays and objects may be in each other.
const MAX_DEPTH: u32 = 64;

/// What can be a record or in one.
pub trait Value: Sized {
    /// Reads a value. Where there is none that fits, the reader keeps the problem, and gives what is empty.
    fn read(r: &mut Reader) -> Self;

    /// Writes the value.
    fn write(&self, w: &mut Writer);

    /// Whether the value is left out of a record.
    fn is_zero(&self) -> bool {
        false
    }

    /// Notes what the contract does not allow.
    #[cfg(not(target_family = "wasm"))]
    #[doc(hidden)]
    fn check(&self, _: &mut Problems) {}
}

/// Reads one JSON text, piece by piece. The first problem stays, and nothing is read behind it.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    problem: Option<(&'static str, usize)>,
}

/// An array or an object that is being read.
pub struct Items {
    first: bool,
    object: bool,
    absent: bool,
}

impl<'a> Reader<'a> {
    /// A reader of a text.
    pub fn new(text: &'a str) -> Self {
        Reader { text, at: 0, depth: 0, problem: None }
    }

    /// Reads all of the text, which is one value.
    pub fn all<T: Value>(text: &'a str) -> Result<T, String> {
        let mut r = Self::new(text);
        let value = T::read(&mut r);
        if r.peek().is_some() {
            r.fail("there is more behind the value");
        }
        match r.problem {
            None => Ok(value),
            Some((problem, at)) => Err(format!("json: {problem} (byte {at})")),
        }
    }

    /// Keeps the first problem.
    pub fn fail(&mut self, problem: &'static str) {
        if self.problem.is_none() {
            self.problem = Some((problem, self.at));
        }
        self.at = self.text.len();
    }

    /// The first byte of what comes next, after white space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let there = self.text[self.at..].starts_with(word);
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn null(&mut self) -> bool {
        self.word("null")
    }

    /// Enters an object.
    pub fn object(&mut self) -> Items {
        self.enter(b'{', "expected an object")
    }

    /// Enters an array.
    pub fn array(&mut self) -> Items {
        self.enter(b'[', "expected an array")
    }

    fn enter(&mut self, open: u8, problem: &'static str) -> Items {
        let absent = self.null();
        if !absent && !self.take(open) {
            self.fail(problem);
        }
        if !absent {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                self.fail("it is nested too deeply");
            }
        }
        Items { first: true, object: open == b'{', absent }
    }

    /// Passes over a value.
    pub fn skip(&mut self) {
        match self.peek() {
            Some(b'{') => {
                let mut items = self.object();
                while items.next(self).is_some() {
                    self.skip();
                }
            }
            Some(b'[') => {
                let mut items = self.array();
                while items.next(self).is_some() {
                    self.skip();
                }
            }
            Some(b'"') => drop(self.string()),
            Some(b'-' | b'0'..=b'9') => drop(self.number()),
            _ if self.word("true") || self.word("false") || self.null() => {}
            _ => self.fail("expected a value"),
        }
    }

    /// Reads a string, which is borrowed where nothing in it is escaped.
    fn string(&mut self) -> Cow<'a, str> {
        if !self.take(b'"') {
            self.fail("expected a text");
            return Cow::Borrowed("");
        }
        let text = self.text;
        let mut whole: Option<String> = None;
        loop {
            let rest = &text.as_bytes()[self.at..];
            let Some(plain) = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < b' ') else {
                self.fail("the text does not end");
                return Cow::Borrowed("");
            };
            let piece = &text[self.at..self.at + plain];
            self.at += plain + 1;
            match (rest[plain], &mut whole) {
                (b'"', None) => return Cow::Borrowed(piece),
                (b'"', Some(s)) => {
                    s.push_str(piece);
                    return Cow::Owned(whole.unwrap_or_default());
                }
                (b'\\', _) => {
                    let s = whole.get_or_insert_default();
                    s.push_str(piece);
                    let c = self.escaped();
                    s.push(c);
                }
                _ => {
                    self.fail("there is a control character in a text");
                    return Cow::Borrowed("");
                }
            }
        }
    }

    /// Reads what follows a backslash.
    fn escaped(&mut self) -> char {
        let escape = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        match escape {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(c @ (b'"' | b'\\' | b'/')) => c as char,
            Some(b'u') => self.code_point(),
            _ => {
                self.at -= 1;
                self.fail("there is no such escape");
                ' '
            }
        }
    }

    /// Reads one or, for what lies beyond 16 bits, two escaped units. A half of a pair alone is U+FFFD.
    fn code_point(&mut self) -> char {
        let unit = self.unit();
        if (0xd800..0xdc00).contains(&unit) && self.text[self.at.min(self.text.len())..].starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let low = self.unit();
            if (0xdc00..0xe000).contains(&low) {
                return char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            if self.problem.is_none() {
                self.at = before;
            }
        }
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> u32 {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let value = digits.and_then(|d| d.iter().try_fold(0, |n, &d| Some(n << 4 | (d as char).to_digit(16)?)));
        if value.is_none() {
            self.fail("there is no such escape");
        } else {
            self.at += 4;
        }
        value.unwrap_or_default()
    }

    /// Reads a number as it is written.
    pub(crate) fn number(&mut self) -> &'a str {
        self.peek();
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start;
        let digits = |at: &mut usize| {
            let first = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at > first
        };
        at += usize::from(bytes.get(at) == Some(&b'-'));
        let zero = bytes.get(at) == Some(&b'0');
        let mut good = if zero {
            at += 1;
            true
        } else {
            digits(&mut at)
        };
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            good &= digits(&mut at);
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            good &= digits(&mut at);
        }
        if !good {
            self.fail("expected a number");
            return "0";
        }
        self.at = at;
        &self.text[start..at]
    }

    /// Reads any value.
    pub(crate) fn json(&mut self) -> Json {
        match self.peek() {
            Some(b'{') => {
                let mut items = self.object();
                let mut fields = Vec::new();
                while let Some(name) = items.next(self) {
                    let value = self.json();
                    fields.push((name.into_owned(), value));
                }
                Json::Object(fields)
            }
            Some(b'[') => Json::Array(Value::read(self)),
            Some(b'"') => Json::Text(self.string().into_owned()),
            Some(b'-' | b'0'..=b'9') => Json::Number(crate::Number::written(self.number())),
            Some(b't') if self.word("true") => Json::Bool(true),
            Some(b'f') if self.word("false") => Json::Bool(false),
            _ if self.null() => Json::Null,
            _ => {
                self.fail("expected a value");
                Json::Null
            }
        }
    }
}

impl Items {
    /// The name of the next field, empty for an item of an array; none where nothing more comes.
    pub fn next<'a>(&mut self, r: &mut Reader<'a>) -> Option<Cow<'a, str>> {
        if self.absent || r.problem.is_some() {
            return None;
        }
        if r.take(if self.object { b'}' } else { b']' }) {
            r.depth -= 1;
            self.absent = true;
            return None;
        }
        if !self.first && !r.take(b',') {
            r.fail("expected a comma or the end");
            return None;
        }
        self.first = false;
        if !self.object {
            if r.peek() == Some(b']') {
                r.fail("expected a value");
            }
            return r.problem.is_none().then_some(Cow::Borrowed(""));
        }
        let name = r.string();
        if !r.take(b':') {
            r.fail("expected a colon");
        }
        r.problem.is_none().then_some(name)
    }
}

/// Writes JSON.
#[derive(Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// The JSON of a value.
    pub fn all<T: Value>(value: &T) -> String {
        let mut w = Writer::default();
        value.write(&mut w);
        w.text
    }

    /// Begins an object.
    pub fn begin(&mut self) {
        self.text.push('{');
    }

    /// Ends an object.
    pub fn end(&mut self) {
        self.text.push('}');
    }

    /// Writes a field, unless it is empty. The name is as it is written: with its quotes and the colon.
    pub fn field<T: Value>(&mut self, name: &str, value: &T) {
        if !value.is_zero() {
            self.always(name, value);
        }
    }

    /// Writes a field.
    pub fn always<T: Value>(&mut self, name: &str, value: &T) {
        self.comma();
        self.text.push_str(name);
        value.write(self);
    }

    /// Writes a field that is a record, unless nothing is in it.
    pub fn record<T: Value>(&mut self, name: &str, value: &T) {
        let before = self.text.len();
        self.always(name, value);
        if self.text.ends_with(":{}") {
            self.text.truncate(before);
        }
    }

    fn comma(&mut self) {
        if !self.text.ends_with(['{', '[']) {
            self.text.push(',');
        }
    }

    /// Writes what is JSON.
    pub fn raw(&mut self, json: &str) {
        self.text.push_str(json);
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.text.push('"');
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|b| b == b'"' || b == b'\\' || b < b' ') {
            self.text.push_str(&rest[..at]);
            match rest.as_bytes()[at] {
                b'\n' => self.text.push_str("\\n"),
                b'\r' => self.text.push_str("\\r"),
                b'\t' => self.text.push_str("\\t"),
                c @ (b'"' | b'\\') => self.text.extend(['\\', c as char]),
                c => {
                    self.text.push_str(if c < 16 { "\\u000" } else { "\\u001" });
                    self.text.extend(char::from_digit(u32::from(c & 15), 16));
                }
            }
            rest = &rest[at + 1..];
        }
        self.text.push_str(rest);
        self.text.push('"');
    }

    /// Writes a list.
    pub fn list<'a, T: Value + 'a>(&mut self, items: impl IntoIterator<Item = &'a T>) {
        self.text.push('[');
        for item in items {
            self.comma();
            item.write(self);
        }
        self.text.push(']');
    }

    /// Writes an object of what was named elsewhere.
    pub(crate) fn object(&mut self, fields: &[(String, Json)]) {
        self.begin();
        for (name, value) in fields {
            self.comma();
            self.text(name);
            self.text.push(':');
            value.write(self);
        }
        self.end();
    }
}

impl Value for String {
    fn read(r: &mut Reader) -> Self {
        if r.null() {
            return String::new();
        }
        r.string().into_owned()
    }

    fn write(&self, w: &mut Writer) {
        w.text(self);
    }

    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl Value for bool {
    fn read(r: &mut Reader) -> Self {
        let yes = r.word("true");
        if !yes && !r.word("false") && !r.null() {
            r.fail("expected true or false");
        }
        yes
    }

    fn write(&self, w: &mut Writer) {
        w.raw(if *self { "true" } else { "false" });
    }

    fn is_zero(&self) -> bool {
        !self
    }
}

macro_rules! numbers {
    ($($number:ty: $problem:literal, $zero:literal;)*) => {$(
        impl Value for $number {
            fn read(r: &mut Reader) -> Self {
                if r.null() {
                    return $zero;
                }
                let number = r.number().parse();
                number.unwrap_or_else(|_| {
                    r.fail($problem);
                    $zero
                })
            }

            fn write(&self, w: &mut Writer) {
                w.raw(&self.to_string());
            }

            fn is_zero(&self) -> bool {
                *self == $zero
            }
        }
    )*};
}

numbers! {
    u16: "expected a whole number of 0 to 65535", 0;
    u32: "expected a whole number of 32 bits", 0;
    u64: "expected a whole number of 64 bits", 0;
    i32: "expected a whole number of 32 bits", 0;
    i64: "expected a whole number of 64 bits", 0;
    f64: "expected a number", 0.0;
}

impl<T: Value> Value for Option<T> {
    fn read(r: &mut Reader) -> Self {
        if r.null() {
            return None;
        }
        Some(T::read(r))
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Some(value) => value.write(w),
            None => w.raw("null"),
        }
    }

    fn is_zero(&self) -> bool {
        self.is_none()
    }

    #[cfg(not(target_family = "wasm"))]
    fn check(&self, p: &mut Problems) {
        if let Some(value) = self {
            value.check(p);
        }
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(r: &mut Reader) -> Self {
        let mut list = Vec::new();
        let mut items = r.array();
        while items.next(r).is_some() {
            list.push(T::read(r));
        }
        list
    }

    fn write(&self, w: &mut Writer) {
        w.list(self);
    }

    fn is_zero(&self) -> bool {
        self.is_empty()
    }

    #[cfg(not(target_family = "wasm"))]
    fn check(&self, p: &mut Problems) {
        p.each(self);
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes are written in base64.
impl Value for Vec<u8> {
    fn read(r: &mut Reader) -> Self {
        if r.null() {
            return Vec::new();
        }
        let text = r.string();
        decoded(text.as_bytes()).unwrap_or_else(|| {
            r.fail("expected base64");
            Vec::new()
        })
    }

    fn write(&self, w: &mut Writer) {
        w.raw("\"");
        for bytes in self.chunks(3) {
            let word = bytes.iter().fold(0, |word, &b| word << 8 | u32::from(b)) << (8 * (3 - bytes.len()));
            for at in 0..4 {
                let digit = BASE64[(word >> (18 - 6 * at) & 63) as usize];
                w.text.push(if at > bytes.len() { '=' } else { digit as char });
            }
        }
        w.raw("\"");
    }

    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|&&b| b == b'=').count();
    if text.len() % 4 != 0 || padding > 2 {
        return None;
    }
    let digits = &text[..text.len() - padding];
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let mut word = 0;
        for &digit in group {
            word = word << 6 | BASE64.iter().position(|&d| d == digit)? as u32;
        }
        word <<= 6 * (4 - group.len());
        bytes.extend(&word.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

impl Value for Json {
    fn read(r: &mut Reader) -> Self {
        r.json()
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Json::Null => w.raw("null"),
            Json::Bool(value) => value.write(w),
            Json::Number(number) => w.raw(number.as_str()),
            Json::Text(text) => w.text(text),
            Json::Array(items) => w.list(items),
            Json::Object(fields) => w.object(fields),
        }
    }

    fn is_zero(&self) -> bool {
        self.is_null()
    }
}

/// What has nothing in it.
impl Value for () {
    fn read(r: &mut Reader) -> Self {
        r.skip();
    }

    fn write(&self, w: &mut Writer) {
        w.raw("null");
    }
}
