//! What an `approval` key signs: one decision, with the words the person saw.

use briefcase_types::{Digest, UnixMillis, text::is_deceptive};

use crate::{
    Es256Public, FormError, KeyError, PublicKey,
    compact::{Object, Value},
    form::{self, Form, Members, members, text},
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
    Form(#[from] FormError),
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
pub enum Answer {
    /// It may run, once.
    Approve,
    /// It may not.
    Deny,
}

/// A person's answer to a question, bound to what would run and to the words that were shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The question's id; spent with the answer.
    pub approval: String,
    /// The answer.
    pub decision: Answer,
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

impl Answer {
    const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

impl Decision {
    /// Reads a decision from whoever puts it together; `form` may be left out.
    ///
    /// # Errors
    /// [`FormError`]
    pub fn draft(json: &[u8]) -> Result<Self, FormError> {
        Form::draft(json)
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// [`FormError`] when it is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FormError> {
        self.write()
    }
}

impl Form for Decision {
    const NAME: &'static str = "approval decision";

    fn take(members: &mut Members) -> Result<Self, FormError> {
        if members.optional("form")?.is_some_and(|form| form != NAME) {
            return Err(FormError::Missing("form"));
        }
        let answer = members.text("decision")?;
        let answers = [Answer::Approve, Answer::Deny];
        Ok(Self {
            approval: members.text("approval")?,
            decision: answers.into_iter().find(|one| one.name() == answer).ok_or(FormError::Missing("decision"))?,
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

    fn check(&self) -> Result<(), FormError> {
        if !form::is_name(&self.approval) || !form::is_name(&self.kid) || !form::is_origin(&self.host) {
            return Err(FormError::Limit("approval and kid are names, host is an origin"));
        }
        if self.text.trim().is_empty() || self.text.len() > TEXT_MOST {
            return Err(FormError::Limit("there has to be a text, of at most 8 KiB"));
        }
        if self.text.chars().any(is_deceptive) {
            return Err(FormError::Limit("the text has characters that a person cannot see"));
        }
        let life = self.expires.checked_sub(self.time);
        if !life.is_some_and(|life| (1..=LIFE_MOST).contains(&life)) {
            return Err(FormError::Limit("a decision ends after it was made and within 24 hours"));
        }
        Ok(())
    }
}

/// Checks a signed decision: our form in its one writing, this key, this time. Whether the question is open, the digest
/// is that of what will run, and the text is the one asked for is the asker's to compare.
///
/// # Errors
/// [`ApprovalError`].
pub fn verify(bytes: &[u8], signature: &[u8], key: &[u8; 65], now: UnixMillis) -> Result<Decision, ApprovalError> {
    let signer = Es256Public::from_raw(key).map_err(|_: KeyError| ApprovalError::Signature)?;
    signer.verify(bytes, signature).map_err(|_| ApprovalError::Signature)?;
    let decision = Decision::read(bytes)?;
    if decision.kid != PublicKey::Es256(*key).thumbprint() {
        return Err(ApprovalError::Signature);
    }
    let valid = decision.time <= now.0 && now.0 < decision.expires;
    if valid { Ok(decision) } else { Err(ApprovalError::Time) }
}
