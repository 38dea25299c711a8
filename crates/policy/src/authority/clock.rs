//! The change that follows a clock which a person accepted.

use briefcase_types::UnixMillis;

use super::{Authority, AuthorityChange, AuthorityError, Grant};

impl Authority {
    /// Continues from the clock that a person accepted: `before` is the old time, `now` the accepted one. When time goes back,
    /// grants that expired are removed and the others end earlier by the same step, so that no grant lasts longer.
    ///
    /// # Errors
    /// [`AuthorityError::VersionsUsedUp`].
    pub fn accept_clock(&self, before: UnixMillis, now: UnixMillis) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let mut lines = vec![format!("clock_accepted {} instead of {}", now.utc(), before.utc())];
            let back = before.since(now);
            if back.is_zero() {
                return Ok(lines);
            }
            let kept = |grant: &mut Grant| {
                if grant.created > now {
                    grant.created = grant.created.minus(back);
                }
                let expired = before >= grant.expires;
                grant.expires = grant.expires.minus(back);
                !expired && now < grant.expires && grant.check().is_ok()
            };
            document.grants.retain_mut(|grant| {
                let is_kept = kept(grant);
                if !is_kept {
                    lines.push(format!("grant_ended {}", grant.id));
                }
                is_kept
            });
            Ok(lines)
        })
    }
}
