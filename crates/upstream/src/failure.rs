//! Why a transport has no reply.

use briefcase_ports::UpstreamFailure;

/// Why a transport has no reply. Richer than [`UpstreamFailure`]: two of the cases decide whether a request is repeated,
/// or the other era is tried.
#[derive(Clone, Debug)]
pub(crate) enum TransportFailure {
    /// A failure for the caller as it is.
    Upstream(UpstreamFailure),
    /// The server ended the session and did not take the request.
    SessionEnded,
    /// An HTTP error without a JSON-RPC body.
    Status(u16),
}

impl From<UpstreamFailure> for TransportFailure {
    fn from(failure: UpstreamFailure) -> Self {
        Self::Upstream(failure)
    }
}

impl From<TransportFailure> for UpstreamFailure {
    fn from(failure: TransportFailure) -> Self {
        match failure {
            TransportFailure::Upstream(failure) => failure,
            TransportFailure::SessionEnded => {
                Self::Unreachable("the server ended the session; send the request again".into())
            }
            TransportFailure::Status(status) => {
                Self::Unreachable(format!("the server answered with HTTP status {status}"))
            }
        }
    }
}

/// A failure that says: the server broke the protocol, or a limit, in the way that `word` names.
pub(crate) const fn protocol(word: &'static str) -> TransportFailure {
    TransportFailure::Upstream(UpstreamFailure::Protocol(word))
}
