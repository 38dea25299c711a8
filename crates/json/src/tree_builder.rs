//! The result types that a reader can build from a document.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::{error::Reason, number};

/// A result to build. Implementations hold no state; the scanner calls them in document order.
pub(crate) trait TreeBuilder {
    /// One value.
    type Value;
    /// An array being read.
    type Array: Default;
    /// An object being read.
    type Object: Default;

    fn null() -> Self::Value;
    fn bool(value: bool) -> Self::Value;
    fn number(text: &str) -> Result<Self::Value, Reason>;
    fn string(text: RawString<'_>) -> Self::Value;
    fn push(array: &mut Self::Array, value: Self::Value);
    fn insert(object: &mut Self::Object, name: &str, value: Self::Value);
    fn array(array: Self::Array) -> Self::Value;
    fn object(object: Self::Object) -> Self::Value;
}

/// The content of a checked string literal, with its escapes.
#[derive(Clone, Copy)]
pub(crate) struct RawString<'a> {
    pub(crate) literal: &'a str,
    pub(crate) escaped: bool,
}

impl<'a> RawString<'a> {
    /// Decodes the literal's text.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.literal)) } else { Cow::Borrowed(self.literal) }
    }
}

/// Resolves the escapes of a checked literal.
fn unescape(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut after = escape.chars();
        match after.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let (character, left) = unicode_escape(after.as_str());
                text.push(character);
                rest = left;
                continue;
            }
            Some(other) => text.push(other),
            None => {}
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    text
}

/// The character after `\u`, and the rest. Consumes both halves of a surrogate pair.
fn unicode_escape(rest: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|hex| u16::from_str_radix(hex, 16).ok()).unwrap_or(0xfffd);
    let (first, after) = (unit(rest), rest.get(4..).unwrap_or_default());
    let (second, left) = match after.strip_prefix("\\u") {
        Some(low) if (0xd800..0xdc00).contains(&first) => (Some(unit(low)), low.get(4..).unwrap_or_default()),
        _ => (None, after),
    };
    let character = char::decode_utf16(std::iter::once(first).chain(second)).next();
    (character.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER), left)
}

/// Builds no result.
pub(crate) enum Skip {}

impl TreeBuilder for Skip {
    type Value = ();
    type Array = ();
    type Object = ();

    fn null() {}
    fn bool(_: bool) {}
    fn number(_: &str) -> Result<(), Reason> {
        Ok(())
    }
    fn string(_: RawString<'_>) {}
    fn push((): &mut (), (): ()) {}
    fn insert((): &mut (), _: &str, (): ()) {}
    fn array((): ()) {}
    fn object((): ()) {}
}

/// Builds a tree. Accepts only numbers that every reader understands alike.
pub(crate) enum Strict {}

/// Builds a tree. Accepts every number that serde_json can represent.
pub(crate) enum Relayed {}

macro_rules! tree {
    ($builder:ident, $number:path) => {
        impl TreeBuilder for $builder {
            type Value = Value;
            type Array = Vec<Value>;
            type Object = Map<String, Value>;

            fn null() -> Value {
                Value::Null
            }
            fn bool(value: bool) -> Value {
                Value::Bool(value)
            }
            fn number(text: &str) -> Result<Value, Reason> {
                let parse: fn(&str) -> Result<Number, Reason> = $number;
                parse(text).map(Value::Number)
            }
            fn string(text: RawString<'_>) -> Value {
                Value::String(text.decode().into_owned())
            }
            fn push(array: &mut Vec<Value>, value: Value) {
                array.push(value);
            }
            fn insert(object: &mut Map<String, Value>, name: &str, value: Value) {
                object.insert(name.to_owned(), value);
            }
            fn array(array: Vec<Value>) -> Value {
                Value::Array(array)
            }
            fn object(object: Map<String, Value>) -> Value {
                Value::Object(object)
            }
        }
    };
}

tree!(Strict, number::strict);
tree!(Relayed, number::relayed);
