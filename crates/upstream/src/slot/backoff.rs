//! How long a server that keeps failing is left alone.

use std::time::Duration;

use briefcase_ports::UpstreamFailure;
use tokio::time::Instant;

use crate::link::Link;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// A wait that a caller is spared the refusal for.
const SHORT: Duration = Duration::from_secs(1);
/// A connection that lived so long was a good one.
const HEALTHY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    opened: Option<Instant>,
    not_before: Option<Instant>,
    last: Option<UpstreamFailure>,
}

impl Backoff {
    /// Waits, or refuses when the wait would be long. Called when there is no open connection.
    pub(crate) async fn before_opening(&mut self) -> Result<(), UpstreamFailure> {
        if let Some(opened) = self.opened.take() {
            let lived = opened.elapsed();
            self.failures = if lived >= HEALTHY { 0 } else { self.failures.saturating_add(1) };
            self.not_before = (self.failures > 1).then(|| Instant::now() + self.pause());
        }
        let Some(not_before) = self.not_before else { return Ok(()) };
        let wait = not_before.saturating_duration_since(Instant::now());
        if wait > SHORT {
            return Err(self.last.clone().unwrap_or_else(|| {
                UpstreamFailure::Unreachable("the server keeps ending its connection; it is tried again shortly".into())
            }));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Notes how opening went. What a person has to put right does not count as a failure of the server.
    pub(crate) fn opened(&mut self, outcome: &Result<Link, UpstreamFailure>) {
        self.last = None;
        match outcome {
            Ok(_) => self.opened = Some(Instant::now()),
            Err(UpstreamFailure::NotReady(_) | UpstreamFailure::Unauthorized | UpstreamFailure::PaymentRequired(_)) => {
                self.not_before = None;
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                self.not_before = Some(Instant::now() + self.pause());
                self.last = Some(failure.clone());
            }
        }
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(10);
        FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST)
    }
}
