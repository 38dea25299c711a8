//! Reads and writes the documents as canonical JSON.

use briefcase_types::Digest;

use crate::json_subset::{Object, Value};

/// The maximum size of a document in bytes.
const MOST: usize = 16 * 1024;

/// The bytes are not a valid document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Not an object of strings, natural numbers and booleans without white space; or too large.
    #[error("the {0} must be a compact JSON object of at most 16 KiB without fractions, lists or null")]
    Object(&'static str),
    /// A member is missing or invalid.
    #[error("the member {0} is missing or invalid")]
    Missing(&'static str),
    /// The document has an unknown member.
    #[error("the {0} has an unknown member")]
    Unknown(&'static str),
    /// The document is not in canonical encoding.
    #[error("the {0} is not in canonical form (RFC 8785)")]
    NotCanonical(&'static str),
    /// A member exceeds a limit.
    #[error("{0}")]
    Limit(&'static str),
}

/// A document with known members. The code is written by hand: the browser's WebAssembly module contains it, and half
/// of a derived implementation would be error texts.
pub(crate) trait Codec: Sized {
    /// The document's name in errors.
    const NAME: &'static str;

    /// Takes the document's members. The caller rejects members that are left over.
    fn take(members: &mut DocumentMembers) -> Result<Self, CodecError>;

    /// Returns the members for writing.
    fn give(&self) -> Object;

    /// Checks the rules that span several members.
    fn check(&self) -> Result<(), CodecError>;

    /// The canonical encoding.
    fn write(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::with_capacity(512);
        self.give().write(&mut bytes);
        if bytes.len() > MOST { Err(CodecError::Object(Self::NAME)) } else { Ok(bytes) }
    }

    /// Reads a document that is not signed yet: exactly its members, in any order.
    fn draft(bytes: &[u8]) -> Result<Self, CodecError> {
        let members = if bytes.len() > MOST { None } else { Object::read(bytes) };
        let members = members.ok_or(CodecError::Object(Self::NAME))?;
        let mut members = DocumentMembers(members);
        let form = Self::take(&mut members)?;
        if !members.0.is_empty() {
            return Err(CodecError::Unknown(Self::NAME));
        }
        form.check()?;
        Ok(form)
    }

    /// Reads a signed or linked record: exactly the bytes of [`Codec::write`].
    fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        let form = Self::draft(bytes)?;
        if form.write()? == bytes { Ok(form) } else { Err(CodecError::NotCanonical(Self::NAME)) }
    }
}

/// The members of a parsed document, taken out one by one.
pub(crate) struct DocumentMembers(Object);

impl DocumentMembers {
    pub fn text(&mut self, name: &'static str) -> Result<String, CodecError> {
        self.optional(name)?.ok_or(CodecError::Missing(name))
    }

    pub fn optional(&mut self, name: &'static str) -> Result<Option<String>, CodecError> {
        match self.0.take(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(CodecError::Missing(name)),
        }
    }

    pub fn number(&mut self, name: &'static str) -> Result<u64, CodecError> {
        match self.0.take(name) {
            Some(Value::Number(number)) => Ok(number),
            _ => Err(CodecError::Missing(name)),
        }
    }

    pub fn digest(&mut self, name: &'static str) -> Result<Digest, CodecError> {
        self.text(name)?.parse().map_err(|_| CodecError::Missing(name))
    }

    pub fn object(&mut self, name: &'static str) -> Result<Object, CodecError> {
        match self.0.take(name) {
            Some(Value::Object(object)) => Ok(object),
            _ => Err(CodecError::Missing(name)),
        }
    }
}

/// Makes an object for writing. The names are constants: plain and unique.
pub(crate) fn members<const N: usize>(members: [(&str, Value); N]) -> Object {
    let mut object = Object::default();
    for (name, value) in members {
        let _put = object.put(name, value);
    }
    object
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Whether a text is an origin as browsers write it: `https://host[:port]`, or `http://` for a name under `localhost`.
pub(crate) fn is_origin(text: &str) -> bool {
    let host = |rest: &str| {
        !rest.is_empty()
            && rest.len() <= 255
            && rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':' | b'[' | b']'))
    };
    match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => host(rest),
        (_, Some(rest)) => host(rest) && is_local(rest),
        _ => false,
    }
}

fn is_local(authority: &str) -> bool {
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    name == "localhost" || name.ends_with(".localhost") || name == "127.0.0.1"
}

/// Whether a text is a name in a log: at most 64 letters, digits and `._-`.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
