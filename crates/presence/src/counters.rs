//! Counters of the factors: what changes with every use.

use std::collections::BTreeMap;

use briefcase_receipts::{ClockNotice, Kind, Receipt};
use briefcase_types::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::{AttemptState, PasskeyFactor};

/// The notice that precedes the comparison of a PIN.
pub(crate) const PIN_TRIED: &str = "pin_tried";
/// The notice that follows a right PIN.
pub(crate) const PIN_RIGHT: &str = "pin_right";
/// The notice with which a passkey's counter becomes durable.
pub(crate) const PASSKEY_USED: &str = "passkey_used";

/// The state of all factors since their enrolment. A snapshot stores it; receipts after the snapshot are replayed.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorCounters {
    pub(crate) pin: AttemptState,
    /// Passkeys as their last use left them, by factor id.
    pub(crate) passkeys: BTreeMap<String, PasskeyFactor>,
}

impl FactorCounters {
    /// Counts a receipt that is newer than the snapshot.
    pub fn replay(&mut self, receipt: &Receipt) {
        match &receipt.kind {
            Kind::Notice(notice) if notice.what.as_str() == PIN_TRIED => self.pin.replay_attempt(receipt.at),
            Kind::Notice(notice) if notice.what.as_str() == PIN_RIGHT => self.pin.replay_right(),
            _ => {}
        }
        if let Some(notice) = receipt.clock_notice() {
            self.follow_clock(notice, receipt.at);
        }
    }

    /// Follows a change of the clock. `at` is the time after it.
    pub fn follow_clock(&mut self, notice: ClockNotice, at: UnixMillis) {
        match notice {
            ClockNotice::Ahead { by } => self.pin.clock_stepped(at, by),
            ClockNotice::Accepted => self.pin.clock_accepted(at),
            ClockNotice::Behind { .. } => {}
        }
    }
}
