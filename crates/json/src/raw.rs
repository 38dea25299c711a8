//! Reads and edits single values inside JSON text and leaves every other byte as it was.
//!
//! Messages are relayed and hashed as raw JSON. A typed model would drop unknown members and reorder keys, so a member is
//! found by walking the text, and a value is changed by a [`Patch`] of its bytes.
//!
//! Invariant: the text has passed [`scan`](crate::scan) before. The walk trusts the grammar and nothing else: on any other
//! text it may return `None` or a wrong member, but it always ends, never panics and never leaves the text.

mod cursor;
mod patch;

use std::borrow::Cow;

pub use cursor::{Cursor, Member};
pub use patch::Patch;

/// The members of an object in their order: decoded names, raw values.
///
/// ```
/// use briefcase_json::raw::RawObject;
/// let params = RawObject::parse(r#"{"n\u0061me":"x", "arguments": {"n": 1.50}}"#).unwrap();
/// assert_eq!(params.get("arguments"), Some(r#"{"n": 1.50}"#));
/// assert_eq!(params.string("name").as_deref(), Some("x"));
/// ```
#[derive(Clone, Debug)]
pub struct RawObject<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> RawObject<'a> {
    /// Reads the top level of an object. Returns `None` for any other value.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut cursor = Cursor::new(text.as_bytes());
        if !cursor.take(b'{') {
            return None;
        }
        let mut members = Vec::with_capacity(8);
        while let Some(member) = cursor.member() {
            members.push((decode_string(text.get(member.key)?)?, text.get(member.value)?));
        }
        (cursor.take(b'}') && cursor.peek().is_none()).then_some(Self(members))
    }

    /// Reads the top level of an object in bytes. Returns `None` for any other value.
    #[must_use]
    pub fn from_slice(text: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(text).ok().and_then(Self::parse)
    }

    /// A member's raw value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// A member that is an object.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Self> {
        self.get(name).and_then(Self::parse)
    }

    /// A member that is a string, decoded.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).and_then(decode_string)
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(key, value)| (&**key, *value))
    }

    /// Whether the object has no members.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object with members set (`Some`) or removed (`None`). Values keep their bytes; white space between members goes.
    #[must_use]
    pub fn with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let changed = |name: &str| changes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let kept = self.iter().filter_map(|(name, value)| Some((name, changed(name).unwrap_or(Some(value))?)));
        let added = changes.iter().filter_map(|(name, value)| {
            let value = (*value)?;
            self.get(name).is_none().then_some((*name, value))
        });
        object(kept.chain(added))
    }
}

/// The raw elements of an array. Returns `None` for any other value.
#[must_use]
pub fn elements(text: &str) -> Option<Vec<&str>> {
    let mut cursor = Cursor::new(text.as_bytes());
    if !cursor.take(b'[') {
        return None;
    }
    let mut elements = Vec::new();
    while let Some(element) = cursor.element() {
        elements.push(text.get(element)?);
    }
    (cursor.take(b']') && cursor.peek().is_none()).then_some(elements)
}

/// Decodes a string literal. Returns `None` for any other value.
#[must_use]
pub fn decode_string(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(literal).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// A text as a string literal.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len().saturating_add(2));
    crate::write_string(text, &mut out);
    String::from_utf8(out).unwrap_or_else(|_| "\"\"".to_owned())
}

/// An object of raw values.
#[must_use]
pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = b"{".to_vec();
    for (name, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        crate::write_string(name, &mut out);
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_else(|_| "{}".to_owned())
}

/// Whether the text may have a member of that name. True too often, never too rarely: a name written with `\u` escapes
/// counts.
#[must_use]
pub fn may_have(text: &[u8], name: &str) -> bool {
    memchr::memmem::find(text, name.as_bytes()).is_some() || memchr::memmem::find(text, b"\\u").is_some()
}
