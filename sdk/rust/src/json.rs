use std::fmt;
use std::ops::Index;

use crate::codec::{Reader, Value, Writer};
use crate::{Code, Error, Result};

/// A JSON value that no record of the contract describes: arguments of a tool, a configuration, a state, what another
/// server says.
///
/// A value is looked into by names and places, and what is not there is null, so a chain needs no checks:
///
/// ```
/// use carapace::{json, Json};
///
/// let update = Json::parse(r#"{"message": {"from": {"id": 7}, "text": "hello"}}"#)?;
/// assert_eq!(update["message"]["text"].as_str(), Some("hello"));
/// assert_eq!(update["message"]["from"]["id"].as_i64(), Some(7));
/// assert_eq!(update["edited"]["text"].as_str(), None);
///
/// let answer = json!({ "to": update["message"]["from"]["id"].clone(), "text": "hi" });
/// assert_eq!(answer.to_string(), r#"{"to":7,"text":"hi"}"#);
/// # Ok::<(), carapace::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub enum Json {
    /// null, and what is not there
    #[default]
    Null,
    /// true or false
    Bool(bool),
    /// a number
    Number(Number),
    /// a text
    Text(String),
    /// a list
    Array(Vec<Json>),
    /// fields by their names, of which the last one of a name counts
    Object(Vec<(String, Json)>),
}

/// The order of fields means nothing.
impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Null, Json::Null) => true,
            (Json::Bool(a), Json::Bool(b)) => a == b,
            (Json::Number(a), Json::Number(b)) => a == b,
            (Json::Text(a), Json::Text(b)) => a == b,
            (Json::Array(a), Json::Array(b)) => a == b,
            (Json::Object(a), Json::Object(b)) => a.len() == b.len() && a.iter().all(|(name, _)| last(a, name) == last(b, name)),
            _ => false,
        }
    }
}

/// The last field of a name.
fn last<'a>(fields: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    fields.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value)
}

/// A number as it is written, since others' ids have more digits than a machine's numbers hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

impl Number {
    pub(crate) fn written(text: &str) -> Self {
        Number(text.to_owned())
    }

    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

static NULL: Json = Json::Null;

impl Json {
    /// Reads a text that is one JSON value, of at most 64 arrays and objects in each other. The error is `invalid`, and says
    /// where.
    pub fn parse(text: &str) -> Result<Json> {
        Reader::all(text).map_err(|problem| Error::new(Code::Invalid, problem))
    }

    /// An object with these fields, which [`json!`](crate::json!) writes shorter.
    pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
        Json::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The value as a record: a hook's event, say.
    pub fn to<T: Value>(&self) -> Result<T> {
        Reader::all(&self.to_string()).map_err(|problem| Error::new(Code::Invalid, problem))
    }

    /// The field of a name, where this is an object that has it and it is not null.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(fields) => last(fields, name).filter(|value| !value.is_null()),
            _ => None,
        }
    }

    /// Gives a field a value. What is no object becomes one.
    pub fn set(&mut self, name: &str, value: impl Into<Json>) {
        if !matches!(self, Json::Object(_)) {
            *self = Json::Object(Vec::new());
        }
        if let Json::Object(fields) = self {
            fields.retain(|(n, _)| n != name);
            fields.push((name.to_owned(), value.into()));
        }
    }

    /// Takes a field away.
    pub fn remove(&mut self, name: &str) {
        if let Json::Object(fields) = self {
            fields.retain(|(n, _)| n != name);
        }
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// true or false.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Number(number) => number.0.parse().ok(),
            _ => None,
        }
    }

    /// A whole number that fits and is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Json::Number(number) => number.0.parse().ok(),
            _ => None,
        }
    }

    /// A number, as near as it can be had.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(number) => number.0.parse().ok(),
            _ => None,
        }
    }

    /// The items of a list, none where this is no list.
    pub fn items(&self) -> &[Json] {
        match self {
            Json::Array(items) => items,
            _ => &[],
        }
    }

    /// Whether this is null, or was not there.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }
}

/// Writes it as JSON.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&Writer::all(self))
    }
}

/// The field of a name: null where it is not there.
impl Index<&str> for Json {
    type Output = Json;

    fn index(&self, name: &str) -> &Json {
        self.get(name).unwrap_or(&NULL)
    }
}

/// The item at a place: null where it is not there.
impl Index<usize> for Json {
    type Output = Json;

    fn index(&self, at: usize) -> &Json {
        self.items().get(at).unwrap_or(&NULL)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::Text(text)
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Json::Text(text.clone())
    }
}

macro_rules! whole_numbers {
    ($($number:ty)*) => {$(
        impl From<$number> for Json {
            fn from(number: $number) -> Self {
                Json::Number(Number(number.to_string()))
            }
        }
    )*};
}

whole_numbers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

/// What is no number in JSON, infinity say, is null.
impl From<f64> for Json {
    fn from(number: f64) -> Self {
        if number.is_finite() {
            Json::Number(Number(number.to_string()))
        } else {
            Json::Null
        }
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

impl<T: Into<Json>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Json::Array(items.into_iter().map(Into::into).collect())
    }
}

/// Makes a [`Json`] that looks like one. A value is an expression; an object or a list in another one is a `json!` too.
///
/// ```
/// use carapace::json;
///
/// let name = String::from("Ada");
/// let body = json!({ "name": name, "tags": json!(["a", 7, true]) });
/// assert_eq!(body.to_string(), r#"{"name":"Ada","tags":["a",7,true]}"#);
/// ```
#[macro_export]
macro_rules! json {
    ({ $($name:literal: $value:expr),* $(,)? }) => {
        $crate::Json::object([$(($name, $crate::Json::from($value))),*])
    };
    ([ $($value:expr),* $(,)? ]) => {
        $crate::Json::Array(::std::vec![$($crate::Json::from($value)),*])
    };
    (null) => {
        $crate::Json::Null
    };
    ($value:expr) => {
        $crate::Json::from($value)
    };
}
