//! Errors of session operations.

use crate::HolderError;

/// An operation failed. The state is unchanged: the caller keeps the state it passed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RatchetError {
    /// The bytes do not have the required format.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A signature or an authentication tag is invalid.
    #[error("{0} was forged or changed")]
    Forged(&'static str),
    /// The peer's key has small order, so anyone could compute the shared secret.
    #[error("the peer's key gives a predictable shared secret")]
    NoContribution,
    /// The first message names a prekey that was used, replaced or never made.
    #[error("the prekey is used up or unknown")]
    UnknownPrekey,
    /// The message was already read, or its key is too old and was erased.
    #[error("the message was already read, or its key was erased")]
    Replayed,
    /// Too many messages are missing before this one.
    #[error("too many messages are missing before this one")]
    TooFarAhead,
    /// A stored state is malformed, or its checksum is wrong.
    #[error("the state is corrupt")]
    StateCorrupt,
    /// The first message uses a mode that is not allowed.
    #[error("the first message uses X3DH, which is not allowed here")]
    ModeRefused,
    /// The message starts another session, or is of another kind.
    #[error("the message does not belong to this session")]
    OtherSession,
    /// A limit was reached. The text names it and the next step.
    #[error("{0}")]
    Exhausted(&'static str),
    /// The holder of a long-term key failed.
    #[error(transparent)]
    Holder(#[from] HolderError),
}
