//! The running call that a message belongs to, and how long it may run.
//!
//! Time that a person spends answering a server's question is not the server's time: the clock starts anew when the
//! last open question of a call is answered.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use briefcase_ports::{ClientPeer, UpstreamFailure};
use tokio_util::sync::CancellationToken;

/// Why a wire has no reply.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// For the caller as it is.
    Upstream(UpstreamFailure),
    /// The server has dropped the session and did not take the request.
    Gone,
    /// An HTTP error without a JSON-RPC body.
    Status(u16),
}

impl From<UpstreamFailure> for Failure {
    fn from(failure: UpstreamFailure) -> Self {
        Self::Upstream(failure)
    }
}

impl From<Failure> for UpstreamFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Upstream(failure) => failure,
            Failure::Gone => Self::Unreachable("the server ended the session; send the request again".into()),
            Failure::Status(status) => Self::Unreachable(format!("the server answered with HTTP status {status}")),
        }
    }
}

/// A running call, as the messages that belong to it see it.
pub(crate) struct Related {
    /// The client.
    pub(crate) talk: Arc<dyn ClientPeer>,
    /// Fires when the call is over; open questions end with it.
    pub(crate) over: CancellationToken,
    asking: AtomicUsize,
}

impl Related {
    pub(crate) fn new(talk: Arc<dyn ClientPeer>) -> Arc<Self> {
        Arc::new(Self { talk, over: CancellationToken::new(), asking: AtomicUsize::new(0) })
    }

    /// Counts one open question until the guard goes.
    pub(crate) fn asking(self: &Arc<Self>) -> Asking {
        self.asking.fetch_add(1, Ordering::SeqCst);
        Asking(Arc::clone(self))
    }
}

/// One open question.
pub(crate) struct Asking(Arc<Related>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What may end a call before its answer.
pub(crate) struct Bounds<'a> {
    pub(crate) timeout: Duration,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) closed: &'a CancellationToken,
    pub(crate) related: Option<&'a Arc<Related>>,
}

impl Bounds<'_> {
    /// Runs `work` until it is done, the client cancels, the connection ends, or the time is up.
    pub(crate) async fn hold<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.cancel.cancelled() => Err(UpstreamFailure::Cancelled.into()),
            () = self.closed.cancelled() => Err(UpstreamFailure::Unreachable("the connection was closed".into()).into()),
            () = self.time() => Err(UpstreamFailure::TimedOut.into()),
        }
    }

    async fn time(&self) {
        loop {
            tokio::time::sleep(self.timeout).await;
            if self.related.is_none_or(|related| related.asking.load(Ordering::SeqCst) == 0) {
                return;
            }
        }
    }
}
