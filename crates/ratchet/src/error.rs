//! Why an operation of a session was not done.

use crate::HolderError;

/// Nothing has changed: the state that was passed in is still the one to keep.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RatchetError {
    /// Bytes that are not of the form they should be.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A signature or an authentication tag does not fit.
    #[error("{0} was forged or changed")]
    Forged(&'static str),
    /// The peer's key is of small order: the shared secret would be known to everybody.
    #[error("the peer's key gives a shared secret that everybody knows")]
    NoContribution,
    /// The first message names a prekey that was used, replaced or never made.
    #[error("the prekey is used up or unknown")]
    UnknownPrekey,
    /// The message, or one with its number, was read before; or its key is too old and was forgotten.
    #[error("the message was read before, or its key was forgotten")]
    Replayed,
    /// More messages are missing in between than may be.
    #[error("more messages are missing than may be")]
    TooFarAhead,
    /// A kept state does not have the form or the check sum it was written with.
    #[error("the state is corrupt")]
    StateCorrupt,
    /// The first message asks for a mode that is not allowed.
    #[error("the first message asks for X3DH, which is not allowed here")]
    ModeRefused,
    /// The message begins another session than this one, or is of another kind.
    #[error("the message is not of this session")]
    OtherSession,
    /// A limit was reached: what it is and what to do.
    #[error("{0}")]
    Exhausted(&'static str),
    /// The holder of a long-term key did not do its part.
    #[error(transparent)]
    Holder(#[from] HolderError),
}
