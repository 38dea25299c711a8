//! Notices about the clock. The ledger and the factors' counters follow them, in a run and in a replay.

use std::time::Duration;

use crate::{Kind, Notice, Receipt, Text, Word};

const AHEAD: &str = "clock_ahead";
const BEHIND: &str = "clock_behind";
const ACCEPTED: &str = "clock_accepted";

/// A change of the relation between the computer's clock and the record's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockNotice {
    /// The computer's clock went ahead by more than a day that no running daemon measured. The record's time followed.
    Ahead {
        /// The length of the step.
        by: Duration,
    },
    /// The computer's clock is behind the record's time. The record's time continues at the normal pace.
    Behind {
        /// The difference.
        by: Duration,
    },
    /// A person accepted the computer's clock with a factor. Only this receipt may have an earlier time than the one before it.
    Accepted,
}

impl ClockNotice {
    /// The notice in a receipt.
    #[must_use]
    pub fn to_notice(self) -> Notice {
        let (what, by) = match self {
            Self::Ahead { by } => (AHEAD, Some(by)),
            Self::Behind { by } => (BEHIND, Some(by)),
            Self::Accepted => (ACCEPTED, None),
        };
        let detail = by.map(|by| Text::lossy(&format!("{} s", by.as_secs())));
        Notice { what: Word::lossy(what), agent: None, server: None, detail }
    }

    /// Reads a notice. Returns `None` for other notices.
    #[must_use]
    pub fn of(notice: &Notice) -> Option<Self> {
        let by = || {
            let seconds = notice.detail.as_ref()?.as_str().strip_suffix(" s")?.parse().ok()?;
            Some(Duration::from_secs(seconds))
        };
        match notice.what.as_str() {
            AHEAD => Some(Self::Ahead { by: by()? }),
            BEHIND => Some(Self::Behind { by: by()? }),
            ACCEPTED => Some(Self::Accepted),
            _ => None,
        }
    }
}

impl Receipt {
    /// The notice about the clock that this receipt is, or `None`.
    #[must_use]
    pub fn clock_notice(&self) -> Option<ClockNotice> {
        match &self.kind {
            Kind::Notice(notice) => ClockNotice::of(notice),
            _ => None,
        }
    }

    /// Returns whether the record's time continues from this receipt, even when it is earlier than the receipt before it.
    #[must_use]
    pub fn sets_the_clock(&self) -> bool {
        self.clock_notice() == Some(ClockNotice::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use briefcase_types::UnixMillis;

    use super::*;

    #[test]
    fn a_notice_reads_back() {
        let by = Duration::from_secs(172_800);
        for given in [ClockNotice::Ahead { by }, ClockNotice::Behind { by }, ClockNotice::Accepted] {
            let receipt = Receipt { at: UnixMillis(5), kind: Kind::Notice(given.to_notice()) };
            let read = Receipt::decode(&receipt.encode().unwrap()).unwrap();
            assert_eq!(read.clock_notice(), Some(given));
            assert_eq!(read.sets_the_clock(), given == ClockNotice::Accepted);
        }
        for (what, detail) in [("clock_ahead", "soon"), ("clock_ahead", "-1 s"), ("locked", "5 s")] {
            let notice =
                Notice { what: Word::lossy(what), agent: None, server: None, detail: Some(Text::lossy(detail)) };
            assert_eq!(ClockNotice::of(&notice), None, "{what} {detail}");
        }
    }
}
