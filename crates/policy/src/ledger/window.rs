//! The hour, day or month of UTC of a time, as a number that only increases.

use briefcase_types::{Date, UnixMillis};

use crate::authority::Window;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// Returns the number of the window that contains `now`.
pub(super) const fn period(window: Window, now: UnixMillis) -> u64 {
    match window {
        Window::Call | Window::All => 0,
        Window::Hour => now.0 / HOUR,
        Window::Day => now.0 / DAY,
        Window::Month => Date::from_days(now.0 / DAY).month_number(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_change_on_the_first_at_midnight_utc() {
        // 2024-02-29T23:59:59.999Z and a millisecond later; 2025-12-31T23:59:59.999Z and a millisecond later.
        for last in [1_709_251_199_999, 1_767_225_599_999_u64] {
            let (before, after) = (UnixMillis(last), UnixMillis(last + 1));
            assert_eq!(period(Window::Month, before) + 1, period(Window::Month, after));
            assert_eq!(period(Window::Day, before) + 1, period(Window::Day, after));
            assert_eq!(period(Window::Hour, before) + 1, period(Window::Hour, after));
        }
    }

    #[test]
    fn windows_agree_with_another_calendar() {
        let rows: Vec<serde_json::Value> =
            serde_json::from_slice(include_bytes!("../../../../vectors/policy/windows.json")).unwrap();
        assert!(rows.len() >= 8);
        for row in rows {
            for (window, name) in [(Window::Hour, "hour"), (Window::Day, "day"), (Window::Month, "month")] {
                let at =
                    |place: &serde_json::Value, less: u64| period(window, UnixMillis(place.as_u64().unwrap() - less));
                let now = at(&row["at"], 0);
                assert_eq!((at(&row[name][0], 0), at(&row[name][1], 1)), (now, now), "{row}");
                assert_eq!(at(&row[name][1], 0), now + 1, "{row}");
            }
        }
    }
}
