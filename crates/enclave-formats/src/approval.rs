//! What an `approval` key signs: one decision, with the words the person saw.

use briefcase_types::{Digest, UnixMillis, text::is_deceptive};

use crate::{
    CodecError, Es256Public, KeyError, RawPublicKey,
    codec::{self, Codec, DocumentMembers, members, text},
    json_subset::{Object, Value},
};

const NAME: &str = "briefcase-approval-1";
/// Longest text.
pub const TEXT_MOST: usize = 8 * 1024;
/// Longest time between showing and spending.
const LIFE_MOST: u64 = 24 * 60 * 60 * 1000;

/// A decision that does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// Not of the form.
    #[error(transparent)]
    Form(#[from] CodecError),
    /// The signature does not fit, or the kid is not the key's.
    #[error("the decision is not signed by this key")]
    Signature,
    /// Its time is over, or has not begun.
    #[error("the decision is not valid at this time")]
    Time,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApprovalAnswer {
    /// It may run, once.
    Approve,
    /// It may not.
    Deny,
}

/// A person's answer to a question, bound to what would run and to the words that were shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDecision {
    /// The question's id; spent with the answer.
    pub approval: String,
    /// The answer.
    pub decision: ApprovalAnswer,
    /// Digest of what would run.
    pub digest: Digest,
    /// When the answer is void, in milliseconds since 1970.
    pub expires: u64,
    /// The page that asked.
    pub host: String,
    /// Thumbprint of the key.
    pub kid: String,
    /// The words the person saw, all of them.
    pub text: String,
    /// When it was answered, in milliseconds since 1970.
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
    /// Reads a decision from whoever puts it together; `form` may be left out.
    ///
    /// # Errors
    /// [`CodecError`]
    pub fn draft(json: &[u8]) -> Result<Self, CodecError> {
        Codec::draft(json)
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// [`CodecError`] when it is too long.
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
            return Err(CodecError::Limit("approval and kid are names, host is an origin"));
        }
        if self.text.trim().is_empty() || self.text.len() > TEXT_MOST {
            return Err(CodecError::Limit("there has to be a text, of at most 8 KiB"));
        }
        if self.text.chars().any(is_deceptive) {
            return Err(CodecError::Limit("the text has characters that a person cannot see"));
        }
        let life = self.expires.checked_sub(self.time);
        if !life.is_some_and(|life| (1..=LIFE_MOST).contains(&life)) {
            return Err(CodecError::Limit("a decision ends after it was made and within 24 hours"));
        }
        Ok(())
    }
}

/// Checks a signed decision: our form in its one writing, this key, this time. Whether the question is open, the digest
/// is that of what will run, and the text is the one asked for is the asker's to compare.
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
