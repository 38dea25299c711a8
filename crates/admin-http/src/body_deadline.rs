//! A request's body with a deadline, so that a request that never ends keeps no handler and no connection. Attack 70.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::connections::{ConnectionHandle, ReceivingGuard};

/// The time in which a client must send the body, from its headers on.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that fails when it has not arrived in time.
#[derive(Debug)]
pub struct BodyDeadline<B = Incoming> {
    body: B,
    /// The deadline, and the mark on the connection. `None` when the body is complete.
    incomplete: Option<(Pin<Box<Sleep>>, ReceivingGuard)>,
}

/// The body did not arrive in time, or its connection ended.
#[derive(Debug, thiserror::Error)]
pub enum BodyError<E> {
    /// It did not arrive in time.
    #[error("the request's body did not arrive within {} s", BODY_TIMEOUT.as_secs())]
    TimedOut,
    /// Its connection ended.
    #[error(transparent)]
    Body(E),
}

impl<B: Body> BodyDeadline<B> {
    /// Begins the time.
    pub fn new(body: B, connection: &ConnectionHandle) -> Self {
        let incomplete = (!body.is_end_stream()).then(|| (Box::pin(sleep(BODY_TIMEOUT)), connection.receiving()));
        Self { body, incomplete }
    }
}

impl<B> Body for BodyDeadline<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    type Data = Bytes;
    type Error = BodyError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match frame {
            Poll::Ready(frame) => {
                if frame.is_none() || self.body.is_end_stream() {
                    self.incomplete = None;
                }
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Body)))
            }
            Poll::Pending => {
                let timed_out =
                    self.incomplete.as_mut().is_some_and(|(sleep, _)| sleep.as_mut().poll(context).is_ready());
                if timed_out { Poll::Ready(Some(Err(BodyError::TimedOut))) } else { Poll::Pending }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;
    use crate::connections::{Connections, Owner};

    fn body(frames: impl futures_util::Stream<Item = Bytes> + Send + 'static) -> BodyDeadline<axum::body::Body> {
        use futures_util::StreamExt as _;
        let connection = Connections::default().admit(Owner::Unproven);
        let body = axum::body::Body::from_stream(frames.map(Ok::<_, std::convert::Infallible>));
        BodyDeadline::new(body, &connection.handle())
    }

    /// Neither silence nor one byte at a time lengthens the time.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_fails_in_time() {
        let silent = futures_util::stream::pending();
        let slow = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Bytes::from_static(b"x"), ()))
        });
        for endless in [body(silent), body(slow)] {
            let began = tokio::time::Instant::now();
            let error = to_bytes(axum::body::Body::new(endless), usize::MAX).await.unwrap_err();
            assert!(error.to_string().contains("did not arrive within 10 s"), "{error}");
            assert!(began.elapsed() <= BODY_TIMEOUT + Duration::from_secs(1), "{:?}", began.elapsed());
        }
        let whole = body(futures_util::stream::iter([Bytes::from_static(b"a"), Bytes::from_static(b"b")]));
        assert_eq!(to_bytes(axum::body::Body::new(whole), 10).await.unwrap().as_ref(), b"ab");
    }
}
