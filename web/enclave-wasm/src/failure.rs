//! The failure of an operation: a number and a message. The numbers have the order of `CODES` in `wasm_instance.ts`.

use briefcase_enclave_formats::{CodecError, KeyError, approval::ApprovalError, audit::AuditError, vapid::VapidError};
use briefcase_ratchet::{HolderError, RatchetError};

/// The kinds of failure that a caller can distinguish.
#[derive(Clone, Copy)]
pub enum Code {
    Malformed,
    Refused,
    Foreign,
    Forged,
    Replayed,
    UnknownPrekey,
    TooFarAhead,
    StateCorrupt,
    ModeRefused,
    Exhausted,
}

/// A failed operation.
pub struct Failure {
    pub code: Code,
    pub message: String,
}

impl Failure {
    pub fn new(code: Code, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

impl From<RatchetError> for Failure {
    fn from(error: RatchetError) -> Self {
        let code = match &error {
            RatchetError::Malformed(_) => Code::Malformed,
            RatchetError::Forged(_) => Code::Forged,
            RatchetError::UnknownPrekey => Code::UnknownPrekey,
            RatchetError::Replayed => Code::Replayed,
            RatchetError::TooFarAhead => Code::TooFarAhead,
            RatchetError::StateCorrupt => Code::StateCorrupt,
            RatchetError::ModeRefused => Code::ModeRefused,
            RatchetError::Exhausted(_) => Code::Exhausted,
            RatchetError::Holder(_) => Code::Foreign,
            _ => Code::Refused,
        };
        Self::new(code, error)
    }
}

impl From<HolderError> for Failure {
    fn from(error: HolderError) -> Self {
        RatchetError::from(error).into()
    }
}

impl From<CodecError> for Failure {
    fn from(error: CodecError) -> Self {
        Self::new(Code::Malformed, error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(Code::Malformed, error)
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        Self::new(Code::Forged, error)
    }
}

impl From<VapidError> for Failure {
    fn from(error: VapidError) -> Self {
        Self::new(Code::Refused, error)
    }
}

impl From<ApprovalError> for Failure {
    fn from(error: ApprovalError) -> Self {
        Self::new(Code::Refused, error)
    }
}

impl Code {
    /// The status that an export returns.
    pub const fn number(self) -> u32 {
        match self {
            Self::Malformed => 16,
            Self::Refused => 17,
            Self::Foreign => 18,
            Self::Forged => 19,
            Self::Replayed => 20,
            Self::UnknownPrekey => 21,
            Self::TooFarAhead => 22,
            Self::StateCorrupt => 23,
            Self::ModeRefused => 24,
            Self::Exhausted => 25,
        }
    }
}
