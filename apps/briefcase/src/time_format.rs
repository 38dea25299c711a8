//! Times and durations for people.

use std::time::Duration;

use briefcase_types::{UnixMillis, rough_duration};

/// `2026-11-21 14:03:22Z`.
pub fn utc(at: UnixMillis) -> String {
    at.utc()
}

/// `3 min ago`, `in 2 h`, `now`.
pub fn relative(at: UnixMillis, now: UnixMillis) -> String {
    match (now.since(at), at.since(now)) {
        (past, ahead) if past.as_secs() == 0 && ahead.as_secs() == 0 => "now".to_owned(),
        (past, ahead) if past.as_secs() == 0 => format!("in {}", rough_duration(ahead)),
        (past, _) => format!("{} ago", rough_duration(past)),
    }
}

/// A length of time in the largest unit without a rest, in the form that [`duration`] reads.
pub fn length(seconds: u32) -> String {
    let unit = [(86_400, 'd'), (3600, 'h'), (60, 'm')].into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, letter) = unit.filter(|_| seconds > 0).unwrap_or((1, 's'));
    format!("{}{letter}", seconds / unit)
}

/// Reads `90s`, `15m`, `8h` or `30d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{}` is not a duration such as 90s, 15m, 8h or 30d", crate::output::visible(text));
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).filter(|total| *total > 0).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (millis, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_400_000, "2000-02-29 00:00:00Z"),
            (1_709_251_199_999, "2024-02-29 23:59:59Z"),
            (1_795_269_802_000, "2026-11-21 14:03:22Z"),
            (4_107_542_400_000, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(utc(UnixMillis(millis)), text);
        }
        assert!(!utc(UnixMillis(u64::MAX)).is_empty());
    }

    #[test]
    fn durations_are_read_exactly_or_not_at_all() {
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        for wrong in ["", "m", "0s", "-1s", "1.5h", "1w", "99999999999999999999d", "18446744073709551615d", "1\u{e9}"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_is_written_as_it_is_read() {
        for (seconds, text) in [(3600, "1h"), (86_400, "1d"), (90, "90s"), (5400, "90m"), (0, "0s")] {
            assert_eq!(length(seconds), text);
            assert!(seconds == 0 || duration(text) == Ok(Duration::from_secs(seconds.into())));
        }
    }

    #[test]
    fn past_and_future_are_told_apart() {
        let now = UnixMillis(10_000_000);
        assert_eq!(relative(UnixMillis(10_090_000), now), "in 90 s");
        assert_eq!(relative(UnixMillis(9_700_000), now), "5 min ago");
        assert_eq!(relative(now, now), "now");
    }
}
