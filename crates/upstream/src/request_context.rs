//! The context of one running request: the client it belongs to, and how long it may run.
//!
//! Time that a person spends on a server's request (an elicitation, for example) is not the server's time: the timeout
//! starts again when the last open request of the server is answered.

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

use crate::failure::TransportFailure;

/// A running request, as the server's messages that belong to it see it.
pub(crate) struct RequestContext {
    /// The client that sent the request.
    pub(crate) peer: Arc<dyn ClientPeer>,
    /// Fires when the request is over; the server's open requests end with it.
    pub(crate) over: CancellationToken,
    open_requests: AtomicUsize,
}

impl RequestContext {
    pub(crate) fn new(peer: Arc<dyn ClientPeer>) -> Arc<Self> {
        Arc::new(Self { peer, over: CancellationToken::new(), open_requests: AtomicUsize::new(0) })
    }

    /// Counts one open request of the server until the guard is dropped. Meanwhile the timeout does not fire.
    pub(crate) fn pause_timeout(self: &Arc<Self>) -> TimeoutPause {
        self.open_requests.fetch_add(1, Ordering::SeqCst);
        TimeoutPause(Arc::clone(self))
    }
}

/// One open request of the server.
pub(crate) struct TimeoutPause(Arc<RequestContext>);

impl Drop for TimeoutPause {
    fn drop(&mut self) {
        self.0.open_requests.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The events that end a request before its response.
pub(crate) struct RequestLimits<'a> {
    pub(crate) timeout: Duration,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) closed: &'a CancellationToken,
    pub(crate) context: Option<&'a Arc<RequestContext>>,
}

impl RequestLimits<'_> {
    /// Runs `work` until it is done, the client cancels, the connection closes, or the time is up.
    pub(crate) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, TransportFailure>>,
    ) -> Result<T, TransportFailure> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.cancel.cancelled() => Err(UpstreamFailure::Cancelled.into()),
            () = self.closed.cancelled() => Err(UpstreamFailure::Unreachable("the connection was closed".into()).into()),
            () = self.timed_out() => Err(UpstreamFailure::TimedOut.into()),
        }
    }

    async fn timed_out(&self) {
        loop {
            tokio::time::sleep(self.timeout).await;
            if self.context.is_none_or(|context| context.open_requests.load(Ordering::SeqCst) == 0) {
                return;
            }
        }
    }
}
