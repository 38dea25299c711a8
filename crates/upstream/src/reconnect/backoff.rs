//! Exponential backoff for a server that keeps failing.

use std::time::Duration;

use briefcase_ports::UpstreamFailure;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// Waits up to this long; longer delays fail immediately.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// A connection that lasted this long counts as a success.
const HEALTHY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    opened: Option<Instant>,
    not_before: Option<Instant>,
    last_failure: Option<UpstreamFailure>,
}

impl Backoff {
    /// Waits, or fails when the wait would be long. Runs when there is no open connection.
    pub(crate) async fn before_opening(&mut self) -> Result<(), UpstreamFailure> {
        if let Some(opened) = self.opened.take() {
            let lasted = opened.elapsed();
            self.failures = if lasted >= HEALTHY { 0 } else { self.failures.saturating_add(1) };
            self.not_before = (self.failures > 1).then(|| Instant::now() + self.pause());
        }
        let Some(not_before) = self.not_before else { return Ok(()) };
        let wait = not_before.saturating_duration_since(Instant::now());
        if wait > MAX_WAIT {
            return Err(self.last_failure.clone().unwrap_or_else(|| {
                UpstreamFailure::Unreachable("the server keeps ending its connection; it is tried again shortly".into())
            }));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Notes how opening ended. A failure that a person has to fix does not count as a failure of the server.
    pub(crate) fn opened(&mut self, failure: Option<&UpstreamFailure>) {
        self.last_failure = None;
        match failure {
            None => self.opened = Some(Instant::now()),
            Some(
                UpstreamFailure::NotReady(_) | UpstreamFailure::Unauthorized | UpstreamFailure::PaymentRequired(_),
            ) => {
                self.not_before = None;
            }
            Some(failure) => {
                self.failures = self.failures.saturating_add(1);
                self.not_before = Some(Instant::now() + self.pause());
                self.last_failure = Some(failure.clone());
            }
        }
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(10);
        FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST)
    }
}
