//! The output filter: limits what reaches the agent of a server's message.
//!
//! Works on the raw JSON of a result, notification or request from a server. Members without a model are treated like
//! all others, in every channel: text, structured content, errors, resources, prompts, `_meta`, member names.
//!
//! Invariants:
//!
//! - Bytes that need no change pass unchanged. Otherwise only the changed strings differ.
//! - No secret that this server uses passes in any of the known encodings.
//! - No character that moves a cursor, reorders or hides text passes unseen.
//! - Every finding is recorded. A missing finding never loosens a decision.

mod findings;
mod look_alikes;
mod media;
mod mime_sniff;
mod neutralise;
mod patterns;
mod redactor;
mod secret_requests;
mod stream;
mod strings;
mod structure;

use std::collections::BTreeSet;

use bytes::Bytes;
pub use neutralise::neutralise;
pub use redactor::{Redactor, RedactorBuilder};
pub use secret_requests::{SecretRequest, asks_for_secret, mark_secret_request};
pub use stream::StreamRedactor;

use briefcase_schema::Schema;

/// The replacement of a secret.
pub const REDACTED: &str = "[redacted]";

/// The settings for one message.
#[derive(Clone, Copy, Debug)]
pub struct FilterSpec<'a> {
    /// The redactor with the secrets that this server uses.
    pub redactor: &'a Redactor,
    /// The kind of message.
    pub shape: MessageShape<'a>,
    /// The size limits.
    pub limits: FilterLimits,
}

/// The kind of message, for the checks of its structure.
#[derive(Clone, Copy, Debug)]
pub enum MessageShape<'a> {
    /// The result of `tools/call`, with the tool's output schema.
    ToolResult(Option<&'a Schema>),
    /// The state of a background task, which may contain the result of the call. With the output schema of the tool
    /// that runs it.
    Task(Option<&'a Schema>),
    /// The result of `resources/read` or `prompts/get`: content with possible binary data.
    Content,
    /// Any other message: notifications, errors, requests, lists.
    Other,
}

/// The size limits of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterLimits {
    /// The whole message.
    pub bytes: usize,
    /// One piece of binary data, decoded.
    pub blob_bytes: usize,
}

/// A filtered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// The bytes to pass on.
    pub bytes: Bytes,
    /// Whether they differ from the original.
    pub changed: bool,
    /// The number of replaced secrets.
    pub redactions: Redactions,
    /// The flags.
    pub flags: BTreeSet<Flag>,
}

/// The number of replaced secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redactions {
    /// Secrets of this server's connection, by exact match in any encoding.
    pub exact: u64,
    /// Texts with the form of a credential.
    pub pattern: u64,
}

/// A finding in a message. Telemetry: recorded with the outcome, not an input to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Flag {
    /// A secret of this server's connection came back.
    SecretEchoed,
    /// A text with the form of a credential was replaced.
    Credential,
    /// A text may be a credential and was passed on.
    PossibleCredential,
    /// Characters that hide, reorder or move text were made visible or removed.
    Neutralised,
    /// Text that is invisible when rendered: HTML comments, hidden elements.
    HiddenMarkup,
    /// A picture or link with data in its address.
    DataInAddress,
    /// Text and structured content contradict each other.
    TextDisagrees,
    /// Binary data had a wrong label or could not be read.
    MediaCorrected,
}

impl Flag {
    /// A stable word for receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretEchoed => "secret_echoed",
            Self::Credential => "credential",
            Self::PossibleCredential => "possible_credential",
            Self::Neutralised => "neutralised",
            Self::HiddenMarkup => "hidden_markup",
            Self::DataInAddress => "data_in_address",
            Self::TextDisagrees => "text_disagrees",
            Self::MediaCorrected => "media_corrected",
        }
    }
}

/// The whole message was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterRefusal {
    /// The message is too long.
    #[error("the server's answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The message is not JSON.
    #[error("the server's answer is not JSON")]
    NotJson,
    /// The result does not fit the tool's output schema.
    #[error("the server's answer does not fit the tool's own output schema: {0}")]
    Structured(String),
    /// A secret of this server's connection is split over a very large number of strings.
    #[error("the server's answer contains a secret in parts")]
    SecretInParts,
    /// Binary data is too long.
    #[error("the server's answer contains binary data of more than {0} bytes")]
    BlobTooLarge(usize),
}

impl FilterRefusal {
    /// A stable word for receipts.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "result_too_large",
            Self::NotJson => "result_not_json",
            Self::Structured(_) => "structured_content",
            Self::SecretInParts => "secret_in_parts",
            Self::BlobTooLarge(_) => "blob_too_large",
        }
    }
}

impl Default for FilterLimits {
    /// 16 MiB, and 12 MiB for one piece of binary data.
    fn default() -> Self {
        Self { bytes: 16 << 20, blob_bytes: 12 << 20 }
    }
}

/// Filters a message.
///
/// # Errors
/// [`FilterRefusal`] when no part of it may pass.
pub fn filter(answer: Bytes, spec: &FilterSpec<'_>) -> Result<Filtered, FilterRefusal> {
    if answer.len() > spec.limits.bytes {
        return Err(FilterRefusal::TooLarge(spec.limits.bytes));
    }
    let mut found = findings::FilterFindings::default();
    let repaired = structure::check(&answer, spec, &mut found.flags)?.map(Bytes::from);
    let repairs = repaired.is_some();
    let answer = repaired.unwrap_or(answer);
    let rewritten = strings::rewrite(&answer, spec.redactor, strings::Changes::All, &mut found)?;
    let changed = rewritten.is_some() || repairs;
    let bytes = rewritten.map_or(answer, Bytes::from);
    Ok(Filtered { bytes, changed, redactions: found.redactions, flags: found.flags })
}

/// Replaces the secrets in a JSON text, and nothing else. Returns `None` when it has none.
///
/// # Errors
/// [`FilterRefusal`] when the secrets cannot be replaced.
pub fn redact_json(json: &[u8], redactor: &Redactor) -> Result<Option<Bytes>, FilterRefusal> {
    if redactor.is_empty() {
        return Ok(None);
    }
    let mut found = findings::FilterFindings::default();
    Ok(strings::rewrite(json, redactor, strings::Changes::SecretsOnly, &mut found)?.map(Bytes::from))
}

#[cfg(test)]
mod tests;
