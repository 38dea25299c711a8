//! The output firewall: what may reach the agent of what a server answered.
//!
//! Works on the raw JSON of a result, notification or request from a server, so that members nobody models are treated
//! like all others, in every channel: text, structured content, errors, resources, prompts, `_meta`, member names.
//! Invariants: bytes that need no change are passed on as they are; what is passed on is still the same JSON but for the
//! strings that were changed; no secret that this server uses leaves in any of the known encodings; no character that
//! moves a cursor, reorders or hides text is passed on unseen. Everything it finds is recorded; nothing it does not find
//! loosens a decision.

mod encodings;
mod findings;
mod mime_sniff;
mod neutralise;
mod patterns;
mod redactor;
mod stream;
mod strings;
mod structure;

use std::collections::BTreeSet;

use bytes::Bytes;
pub use neutralise::neutralise;
pub use redactor::{Redactor, RedactorBuilder};
pub use stream::StreamRedactor;

use briefcase_schema::Schema;

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// How to treat an answer.
#[derive(Clone, Copy, Debug)]
pub struct FilterSpec<'a> {
    /// Knows the secrets that this server uses.
    pub redactor: &'a Redactor,
    /// What kind of message it is.
    pub shape: MessageShape<'a>,
    /// How large it may be.
    pub limits: FilterLimits,
}

/// What kind of message it is, for the checks of its structure.
#[derive(Clone, Copy, Debug)]
pub enum MessageShape<'a> {
    /// The result of `tools/call`, with the tool's output schema.
    ToolResult(Option<&'a Schema>),
    /// The state of a background task, which may hold the call's result; with the output schema of the tool that runs it.
    Task(Option<&'a Schema>),
    /// The result of `resources/read` or `prompts/get`: content that may hold binary data.
    Content,
    /// Anything else: notifications, errors, questions, lists.
    Other,
}

/// How large an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterLimits {
    /// The whole answer.
    pub bytes: usize,
    /// One piece of binary data, decoded.
    pub blob_bytes: usize,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// What may be passed on.
    pub bytes: Bytes,
    /// Whether it differs from what came.
    pub changed: bool,
    /// How many secrets were replaced.
    pub redactions: Redactions,
    /// What was noticed.
    pub flags: BTreeSet<Flag>,
}

/// How many secrets were replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redactions {
    /// Secrets of this server's connection, by exact match in any encoding.
    pub exact: u64,
    /// Texts that have the form of a credential.
    pub pattern: u64,
}

/// Something noticed in an answer. Telemetry: recorded with the outcome, no input to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Flag {
    /// A secret of this server's connection came back.
    SecretEchoed,
    /// Something has the form of a credential, and was replaced.
    Credential,
    /// Something may be a credential; it was passed on.
    PossibleCredential,
    /// Characters that hide, reorder or move were made visible or taken out.
    Neutralised,
    /// Text that a reader of the rendered form does not see: HTML comments, hidden elements.
    HiddenMarkup,
    /// A picture or link whose address carries data.
    DataInAddress,
    /// Text and structured content say different things.
    TextDisagrees,
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
        }
    }
}

/// Why an answer cannot be passed on at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterRefusal {
    /// Larger than it may be.
    #[error("the server's answer is longer than {0} bytes")]
    TooLarge(usize),
    /// Not JSON.
    #[error("the server's answer is not JSON")]
    NotJson,
    /// The tool has an output schema, and the result does not fit it.
    #[error("the server's answer does not fit the tool's own output schema: {0}")]
    Structured(String),
    /// Binary data that is not base64.
    #[error("the server's answer holds binary data that is not base64")]
    NotBase64,
    /// Binary data is larger than it may be.
    #[error("the server's answer holds binary data of more than {0} bytes")]
    BlobTooLarge(usize),
    /// Binary data is not what it is declared to be.
    #[error("the server's answer declares {declared} but holds {found}")]
    Kind {
        /// What it says it is.
        declared: String,
        /// What it looks like.
        found: &'static str,
    },
}

impl FilterRefusal {
    /// A stable word for receipts.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "result_too_large",
            Self::NotJson => "result_not_json",
            Self::Structured(_) => "structured_content",
            Self::NotBase64 => "blob_not_base64",
            Self::BlobTooLarge(_) => "blob_too_large",
            Self::Kind { .. } => "media_type",
        }
    }
}

impl Default for FilterLimits {
    /// 16 MiB, and 12 MiB for one piece of binary data.
    fn default() -> Self {
        Self { bytes: 16 << 20, blob_bytes: 12 << 20 }
    }
}

/// Filters an answer.
///
/// # Errors
/// [`FilterRefusal`] when nothing of it may be passed on.
pub fn filter(answer: Bytes, spec: &FilterSpec<'_>) -> Result<Filtered, FilterRefusal> {
    if answer.len() > spec.limits.bytes {
        return Err(FilterRefusal::TooLarge(spec.limits.bytes));
    }
    let mut found = findings::FilterFindings::default();
    structure::check(&answer, spec, &mut found.flags)?;
    let rewritten = strings::rewrite(&answer, spec.redactor, &mut found)?;
    let changed = rewritten.is_some();
    let bytes = rewritten.map_or(answer, Bytes::from);
    Ok(Filtered { bytes, changed, redactions: found.redactions, flags: found.flags })
}

#[cfg(test)]
mod tests;
