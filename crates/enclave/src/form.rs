//! Reading and writing forms as canonical JSON.

use briefcase_json::Limits;
use serde::{Serialize, de::DeserializeOwned};

/// Most bytes of one form.
pub(crate) const FORM_MOST: usize = 16 * 1024;
const LIMITS: Limits = Limits { bytes: FORM_MOST, depth: 4, keys: 64, values: 128, number: 20 };

/// Bytes that are not the form they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// Not JSON, too large, or with members and types other than the form's.
    #[error("this is not the form {0}: {1}")]
    Other(&'static str, String),
    /// The same content in other bytes: somebody else wrote it.
    #[error("the form {0} is not written canonically (RFC 8785)")]
    NotCanonical(&'static str),
    /// A member breaks its limit.
    #[error("{0}")]
    Member(&'static str),
}

/// The canonical bytes of a form.
pub(crate) fn write<T: Serialize>(form: &T, name: &'static str) -> Result<Vec<u8>, FormError> {
    let value = serde_json::to_value(form).map_err(|error| FormError::Other(name, error.to_string()))?;
    let bytes = briefcase_json::canonical(&value);
    if bytes.len() > FORM_MOST { Err(FormError::Other(name, "it is too long".to_owned())) } else { Ok(bytes) }
}

/// Reads a form from whoever puts it together: any strict JSON with exactly its members.
pub(crate) fn draft<T: DeserializeOwned>(bytes: &[u8], name: &'static str) -> Result<T, FormError> {
    let other = |error: String| FormError::Other(name, error);
    let value = briefcase_json::parse_strict(bytes, &LIMITS).map_err(|error| other(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| other(error.to_string()))
}

/// Reads a form from a signed or linked record: exactly the bytes that [`write`] gives.
pub(crate) fn read<T: DeserializeOwned + Serialize>(bytes: &[u8], name: &'static str) -> Result<T, FormError> {
    let form = draft(bytes, name)?;
    if write(&form, name)? == bytes { Ok(form) } else { Err(FormError::NotCanonical(name)) }
}

/// An origin as a browser writes it: `https://host[:port]`, or `http://` for a name under `localhost`.
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

/// A name in a log: letters, digits and `._-`, at most 64 of them.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
