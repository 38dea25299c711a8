//! The Gregorian calendar in UTC, without leap seconds.

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u64,
    month: u64,
    day: u64,
}

/// Days from 1 March of the year 0 to 1 January 1970. A year that begins in March ends with its leap day.
const TO_1970: u64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const CYCLE: u64 = 146_097;

impl Date {
    /// The date of a day, counted from 1 January 1970.
    #[must_use]
    pub const fn from_days(days: u64) -> Self {
        let shifted = days.saturating_add(TO_1970);
        let (cycle, day_of_cycle) = (shifted / CYCLE, shifted % CYCLE);
        let year_of_cycle =
            (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
        let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let (month, later) = if from_march < 10 { (from_march + 3, 0) } else { (from_march - 9, 1) };
        Self { year: cycle * 400 + year_of_cycle + later, month, day }
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> u64 {
        self.year
    }

    /// The month, from 1 to 12.
    #[must_use]
    pub const fn month(self) -> u64 {
        self.month
    }

    /// The day of the month, from 1.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.day
    }

    /// The number of the month, counted from March of the year 0.
    #[must_use]
    pub const fn month_number(self) -> u64 {
        (self.year * 12 + self.month).saturating_sub(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(date: Date) -> (u64, u64, u64) {
        (date.year(), date.month(), date.day())
    }

    #[test]
    fn known_days_have_their_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (19_782, (2024, 2, 29)),
            (19_783, (2024, 3, 1)),
            (20_454, (2026, 1, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(of(Date::from_days(days)), date, "{days}");
        }
    }

    /// The rules as everybody knows them, for every day of 800 years.
    #[test]
    fn each_day_is_the_day_after_the_one_before() {
        let length = |year: u64, month: u64| match month {
            2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let (mut year, mut month, mut day, mut number) = (1970, 1, 1, 1970 * 12 - 2);
        for days in 0..2 * CYCLE {
            let date = Date::from_days(days);
            assert_eq!((of(date), date.month_number()), ((year, month, day), number), "{days}");
            day += 1;
            if day > length(year, month) {
                (day, month, number) = (1, month + 1, number + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }
}
