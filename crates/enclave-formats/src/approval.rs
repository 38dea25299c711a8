//! The signed content of an `approval` key: one decision, with the text that the person saw.

use briefcase_types::{Digest, UnixMillis, text::is_deceptive};

use crate::{
    CodecError, Es256Public, KeyError, RawPublicKey,
    codec::{self, Codec, DocumentMembers, members, text},
    json_subset::{Object, Value},
};

const NAME: &str = "briefcase-approval-1";
/// The longest text.
pub const TEXT_MOST: usize = 8 * 1024;
/// The longest time between decision and expiry, in milliseconds.
const MAX_LIFETIME: u64 = 24 * 60 * 60 * 1000;

/// A decision is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// The bytes are not a decision.
    #[error(transparent)]
    Form(#[from] CodecError),
    /// The signature is invalid, or the key id belongs to another key.
    #[error("the decision is not signed by this key")]
    Signature,
    /// The decision has expired, or its time lies in the future.
    #[error("the decision is not valid at this time")]
    Time,
}

/// The answer to an approval request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApprovalAnswer {
    /// The action may run once.
    Approve,
    /// The action must not run.
    Deny,
}

/// A person's answer to an approval request, bound to the action's digest and the text shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDecision {
    /// The request's id, used up by this answer.
    pub approval: String,
    /// The answer.
    pub decision: ApprovalAnswer,
    /// The digest of the action.
    pub digest: Digest,
    /// The expiry time, in milliseconds since 1970.
    pub expires: u64,
    /// The origin of the page that asked.
    pub host: String,
    /// The key's thumbprint.
    pub kid: String,
    /// The complete text that the person saw.
    pub text: String,
    /// The time of the answer, in milliseconds since 1970.
    pub time: u64,
}

impl ApprovalAnswer {
    const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

impl SignedDecision {
    /// Reads a decision before it is signed. The member `form` may be omitted.
    ///
    /// # Errors
    /// [`CodecError`]
    pub fn draft(json: &[u8]) -> Result<Self, CodecError> {
        Codec::draft(json)
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// [`CodecError`] when the encoding is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.write()
    }
}

impl Codec for SignedDecision {
    const NAME: &'static str = "approval decision";

    fn take(members: &mut DocumentMembers) -> Result<Self, CodecError> {
        if members.optional("form")?.is_some_and(|form| form != NAME) {
            return Err(CodecError::Missing("form"));
        }
        let answer = members.text("decision")?;
        let answers = [ApprovalAnswer::Approve, ApprovalAnswer::Deny];
        Ok(Self {
            approval: members.text("approval")?,
            decision: answers.into_iter().find(|one| one.name() == answer).ok_or(CodecError::Missing("decision"))?,
            digest: members.digest("digest")?,
            expires: members.number("expires")?,
            host: members.text("host")?,
            kid: members.text("kid")?,
            text: members.text("text")?,
            time: members.number("time")?,
        })
    }

    fn give(&self) -> Object {
        members([
            ("form", text(NAME)),
            ("approval", text(&self.approval)),
            ("decision", text(self.decision.name())),
            ("digest", text(&self.digest.to_string())),
            ("expires", Value::Number(self.expires)),
            ("host", text(&self.host)),
            ("kid", text(&self.kid)),
            ("text", text(&self.text)),
            ("time", Value::Number(self.time)),
        ])
    }

    fn check(&self) -> Result<(), CodecError> {
        if !codec::is_name(&self.approval) || !codec::is_name(&self.kid) || !codec::is_origin(&self.host) {
            return Err(CodecError::Limit("approval and kid must be names, host must be an origin"));
        }
        if self.text.trim().is_empty() || self.text.len() > TEXT_MOST {
            return Err(CodecError::Limit("text must have 1 byte to 8 KiB"));
        }
        if self.text.chars().any(is_deceptive) {
            return Err(CodecError::Limit("text contains invisible characters"));
        }
        let lifetime = self.expires.checked_sub(self.time);
        if !lifetime.is_some_and(|lifetime| (1..=MAX_LIFETIME).contains(&lifetime)) {
            return Err(CodecError::Limit("a decision must expire after its time, within 24 hours"));
        }
        Ok(())
    }
}

/// Verifies a signed decision: canonical format, this key, this time. The caller also checks that the request is open,
/// and compares the digest and the text with its own.
///
/// # Errors
/// [`ApprovalError`].
pub fn verify(
    bytes: &[u8],
    signature: &[u8],
    key: &[u8; 65],
    now: UnixMillis,
) -> Result<SignedDecision, ApprovalError> {
    let signer = Es256Public::from_raw(key).map_err(|_: KeyError| ApprovalError::Signature)?;
    signer.verify(bytes, signature).map_err(|_| ApprovalError::Signature)?;
    let decision = SignedDecision::read(bytes)?;
    if decision.kid != RawPublicKey::Es256(*key).thumbprint() {
        return Err(ApprovalError::Signature);
    }
    let valid = decision.time <= now.0 && now.0 < decision.expires;
    if valid { Ok(decision) } else { Err(ApprovalError::Time) }
}
