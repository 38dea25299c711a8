//! The audit log: entries linked by hashes, their head signed.
//!
//! `link = SHA-256(0x00 ‖ previous link ‖ entry)`, the link before the first entry is 32 zero bytes, and each entry also
//! names the link before it, so that an entry alone says where it belongs. A head says how many entries there are and
//! which link is the last; cutting the end off, changing, dropping or reordering entries leaves no signed head that fits.
//! What a head cannot show is that an older one was put back together with its log: whoever keeps a newer head can.

use std::collections::BTreeMap;

use briefcase_types::Digest;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::{
    CodecError, RawPublicKey,
    codec::{self, Codec, DocumentMembers, members, text},
    json_subset::{Object, Value},
};

const HEAD: &str = "briefcase-audit-head-1";

/// The link before the first entry.
pub const START: Digest = Digest::from_bytes([0; 32]);

/// A log that does not hold together: what is wrong, and at which entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// An entry is not of the form.
    #[error("entry {0}: {1}")]
    Entry(u64, CodecError),
    /// The head is not of the form.
    #[error("the head: {0}")]
    Head(CodecError),
    /// An entry has another number than its place, or its time goes back.
    #[error("entry {0} is out of order")]
    Order(u64),
    /// An entry names another link than that of the one before.
    #[error("entry {0} does not follow the one before it")]
    Link(u64),
    /// The entries end elsewhere than the head says.
    #[error("the entries do not end where the signed head says")]
    End,
    /// The head's signature does not fit, or its kid is not the key's.
    #[error("the head is not signed by this key")]
    Signature,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationOutcome {
    /// It was done.
    Done,
    /// The rules did not allow it.
    Refused,
    /// It was allowed and went wrong.
    Failed,
}

impl OperationOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Done, Self::Refused, Self::Failed].into_iter().find(|outcome| outcome.name() == name)
    }
}

/// A detail: never an object, so that entries stay flat and small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditDetail {
    /// A yes or no.
    Flag(bool),
    /// A natural number below 2⁵³.
    Number(u64),
    /// A text of at most 1,024 bytes.
    Text(String),
}

/// One operation. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Place in the log, from 0.
    pub seq: u64,
    /// Milliseconds since 1970; never goes back.
    pub time: u64,
    /// The link before this entry.
    pub previous: Digest,
    /// The method that was called.
    pub method: String,
    /// The key it was about.
    pub kid: Option<String>,
    /// How it ended.
    pub outcome: OperationOutcome,
    /// What else there is to say.
    pub detail: BTreeMap<String, AuditDetail>,
}

impl AuditEntry {
    /// Reads an entry from whoever puts it together.
    ///
    /// # Errors
    /// [`CodecError`] when a member is missing, unknown or beyond its limit.
    pub fn draft(json: &[u8]) -> Result<Self, CodecError> {
        Codec::draft(json)
    }

    /// Reads an entry of a log.
    ///
    /// # Errors
    /// As [`AuditEntry::draft`], and when the bytes are not canonical.
    pub fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        Codec::read(bytes)
    }

    /// The bytes that are kept and linked.
    ///
    /// # Errors
    /// [`CodecError`] when it is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.write()
    }
}

impl Codec for AuditEntry {
    const NAME: &'static str = "audit entry";

    fn take(members: &mut DocumentMembers) -> Result<Self, CodecError> {
        let mut detail = BTreeMap::new();
        for (name, value) in members.object("detail")?.into_members() {
            let value = match value {
                Value::Flag(flag) => AuditDetail::Flag(flag),
                Value::Text(text) => AuditDetail::Text(text),
                Value::Number(number) => AuditDetail::Number(number),
                Value::Object(_) => return Err(CodecError::Missing("detail")),
            };
            detail.insert(name, value);
        }
        Ok(Self {
            seq: members.number("seq")?,
            time: members.number("time")?,
            previous: members.digest("previous")?,
            method: members.text("method")?,
            kid: members.optional("kid")?,
            outcome: OperationOutcome::from_name(&members.text("outcome")?).ok_or(CodecError::Missing("outcome"))?,
            detail,
        })
    }

    fn give(&self) -> Object {
        let mut detail = Object::default();
        for (name, value) in &self.detail {
            let value = match value {
                AuditDetail::Flag(flag) => Value::Flag(*flag),
                AuditDetail::Number(number) => Value::Number(*number),
                AuditDetail::Text(words) => text(words),
            };
            let _put = detail.put(name, value);
        }
        let mut given = members([
            ("seq", Value::Number(self.seq)),
            ("time", Value::Number(self.time)),
            ("previous", text(&self.previous.to_string())),
            ("method", text(&self.method)),
            ("outcome", text(self.outcome.name())),
            ("detail", Value::Object(detail)),
        ]);
        if let Some(kid) = &self.kid {
            let _put = given.put("kid", text(kid));
        }
        given
    }

    fn check(&self) -> Result<(), CodecError> {
        let name = |text: &String| codec::is_name(text);
        let small = |detail: &AuditDetail| match detail {
            AuditDetail::Flag(_) => true,
            AuditDetail::Number(number) => *number < 1 << 53,
            AuditDetail::Text(text) => text.len() <= 1024,
        };
        if !name(&self.method) || !self.kid.iter().all(name) {
            return Err(CodecError::Limit("a name is letters, digits, '.', '_', '-'; at most 64"));
        }
        if self.detail.len() > 16 || !self.detail.iter().all(|(key, detail)| name(key) && small(detail)) {
            return Err(CodecError::Limit("detail has at most 16 members; texts at most 1024 bytes"));
        }
        Ok(())
    }
}

/// `SHA-256(0x00 ‖ previous ‖ entry)`.
#[must_use]
pub fn link(previous: &Digest, entry: &[u8]) -> Digest {
    let hash = Sha256::new().chain_update([0]).chain_update(previous.as_bytes()).chain_update(entry);
    Digest::from_bytes(hash.finalize().into())
}

/// What the audit key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// How many entries there are.
    pub count: u64,
    /// The origin of the page that embeds the enclave: each has keys and a log of its own.
    pub host: String,
    /// Thumbprint of the audit key.
    pub kid: String,
    /// The last link; [`START`] while there is none.
    pub link: Digest,
}

impl AuditHead {
    /// Puts a head together.
    ///
    /// # Errors
    /// [`CodecError::Limit`].
    pub fn new(kid: String, host: String, count: u64, link: Digest) -> Result<Self, CodecError> {
        let head = Self { count, host, kid, link };
        head.check()?;
        Ok(head)
    }

    /// Reads a head as it was signed.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        Codec::read(bytes)
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// None for a head that was put together or read.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.write()
    }
}

impl Codec for AuditHead {
    const NAME: &'static str = "head of the audit log";

    fn take(members: &mut DocumentMembers) -> Result<Self, CodecError> {
        if members.text("form")? != HEAD {
            return Err(CodecError::Missing("form"));
        }
        Ok(Self {
            count: members.number("count")?,
            host: members.text("host")?,
            kid: members.text("kid")?,
            link: members.digest("link")?,
        })
    }

    fn give(&self) -> Object {
        members([
            ("form", text(HEAD)),
            ("count", Value::Number(self.count)),
            ("host", text(&self.host)),
            ("kid", text(&self.kid)),
            ("link", text(&self.link.to_string())),
        ])
    }

    fn check(&self) -> Result<(), CodecError> {
        if self.count >= 1 << 53 || (self.count == 0) != (self.link == START) {
            return Err(CodecError::Limit("the count and the link do not fit"));
        }
        if !codec::is_name(&self.kid) || !codec::is_origin(&self.host) {
            return Err(CodecError::Limit("kid is a thumbprint and host an origin"));
        }
        Ok(())
    }
}

/// Checks entries from somewhere in the log to its end: their form, order and links, and that the head of exactly this
/// end is signed by the key. `previous` is the link before the first of them, [`START`] for the whole log.
///
/// # Errors
/// [`AuditError`] with the place.
pub fn verify<'a>(
    key: &[u8; 32],
    head: &[u8],
    signature: &[u8; 64],
    previous: Digest,
    entries: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<AuditHead, AuditError> {
    let signer = VerifyingKey::from_bytes(key).map_err(|_| AuditError::Signature)?;
    signer.verify_strict(head, &Signature::from_bytes(signature)).map_err(|_| AuditError::Signature)?;
    let signed = AuditHead::read(head).map_err(AuditError::Head)?;
    if signed.kid != RawPublicKey::Ed25519(*key).thumbprint() {
        return Err(AuditError::Signature);
    }
    let given = u64::try_from(entries.len()).map_err(|_| AuditError::End)?;
    let first = signed.count.checked_sub(given).ok_or(AuditError::End)?;
    if first == 0 && previous != START {
        return Err(AuditError::Link(0));
    }
    let (mut last, mut time) = (previous, 0);
    for (seq, bytes) in (first..signed.count).zip(entries) {
        let entry = AuditEntry::read(bytes).map_err(|error| AuditError::Entry(seq, error))?;
        if entry.seq != seq || entry.time < time {
            return Err(AuditError::Order(seq));
        }
        if entry.previous != last {
            return Err(AuditError::Link(seq));
        }
        time = entry.time;
        last = link(&last, bytes);
    }
    if last == signed.link { Ok(signed) } else { Err(AuditError::End) }
}
