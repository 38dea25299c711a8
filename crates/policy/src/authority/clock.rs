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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use briefcase_types::Digest;
    use serde_json::json;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: UnixMillis = UnixMillis(1_795_253_400_000);

    fn grant(id: &str, created: UnixMillis, lasts: Duration) -> Grant {
        serde_json::from_value(json!({
            "id": id, "agent": "dev", "server": "mail", "tool": "send", "pin": Digest::sha256(b""),
            "arguments": { "fields": { "to": { "equals": "a" } } }, "created": created, "expires": created.plus(lasts),
            "created_by": "AAAAAAAAAAAAAAAAAAAAAA",
        }))
        .unwrap()
    }

    /// Attack 64: no grant lasts longer because the clock was wrong, whichever way it is corrected.
    #[test]
    fn an_accepted_clock_lengthens_no_grant() {
        for days in [2, 400] {
            let step = HOUR * 24 * days;
            let ahead = NOW.plus(step);
            let mut document = Authority::empty(serde_json::from_value(json!("AAAAAAAAAAAAAAAAAAAAAA")).unwrap());
            document.grants = vec![
                grant("expired", NOW, HOUR),
                grant("expired_ahead", ahead.minus(HOUR * 2), HOUR),
                grant("made_ahead", ahead.minus(HOUR), HOUR * 3),
                grant("long", ahead.minus(HOUR * 24 * 20), HOUR * 24 * 30),
            ];
            let back = document.accept_clock(ahead, NOW).unwrap();
            let left: Vec<_> =
                back.document.grants.iter().map(|grant| (grant.id.as_str(), grant.expires.since(NOW))).collect();
            assert_eq!(left, [("made_ahead", HOUR * 2), ("long", HOUR * 24 * 10)]);
            assert!(back.document.grants.iter().all(|grant| grant.created <= NOW));
            assert_eq!(back.summary.len(), 3, "{:?}", back.summary);
            assert!(back.summary.iter().all(|line| !line.contains("UnixMillis")));
            // A clock that is ahead ends grants by itself.
            let forward = document.accept_clock(NOW, ahead).unwrap();
            assert_eq!((forward.document.grants, forward.summary.len()), (document.grants.clone(), 1));
        }
    }
}
