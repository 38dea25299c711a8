//! The labels of all agents, and when each was last received.
//!
//! Invariant: a label ends only with time during which the daemon runs. Neither a lock nor a restart shortens it, and after
//! a restore every known agent has the labels that taint.
//!
//! Times are running times: the time that daemons have run on this state. A snapshot stores them. A label counts as
//! received again whenever its time may be newer than the stored one.

use std::{collections::BTreeMap, time::Duration};

use briefcase_types::AgentId;
use serde::{Deserialize, Serialize};

use crate::label::{Label, Labels};

/// The time after which a label that an agent receives again is recorded again.
const RECORD_AGAIN: Duration = Duration::from_secs(60);

/// The labels of all agents.
#[derive(Clone, Debug, Default)]
pub struct LabelBook {
    agents: BTreeMap<AgentId, BTreeMap<Label, Received>>,
}

/// The running times at which an agent last received a label, and at which a receipt last recorded it.
#[derive(Clone, Copy, Debug)]
struct Received {
    at: Duration,
    recorded: Option<Duration>,
}

/// The labels at one index of the log, in milliseconds of running time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSnapshot {
    running: u64,
    agents: BTreeMap<AgentId, BTreeMap<Label, u64>>,
}

impl LabelSnapshot {
    /// Returns whether no agent has a label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Returns the running time of the snapshot.
    #[must_use]
    pub const fn running(&self) -> Duration {
        Duration::from_millis(self.running)
    }
}

impl LabelBook {
    /// Returns the labels of an agent that are not older than `lifetime`.
    #[must_use]
    pub fn labels(&self, agent: &AgentId, now: Duration, lifetime: Duration) -> Labels {
        let seen = self.agents.get(agent).into_iter().flatten();
        seen.filter(|(_, received)| now.saturating_sub(received.at) < lifetime).map(|(label, _)| *label).collect()
    }

    /// Adds labels to an agent that is about to receive labelled data. Returns the labels that a receipt must record,
    /// because no recent one did.
    #[must_use]
    pub fn add(&mut self, agent: &AgentId, labels: Labels, now: Duration) -> Labels {
        let mut unrecorded = Labels::NONE;
        for label in labels.seen().iter() {
            let seen = self.agents.entry(agent.clone()).or_default();
            let received = seen.entry(label).or_insert(Received { at: now, recorded: None });
            received.at = received.at.max(now);
            if received.recorded.is_none_or(|recorded| now.saturating_sub(recorded) >= RECORD_AGAIN) {
                unrecorded = unrecorded.with(label);
            }
        }
        unrecorded
    }

    /// Adds labels that a receipt records.
    pub fn record(&mut self, agent: &AgentId, labels: Labels, now: Duration) {
        let _ = self.add(agent, labels, now);
        let seen = self.agents.get_mut(agent).into_iter().flatten();
        for (_, received) in seen.filter(|(label, _)| labels.contains(**label)) {
            received.recorded = Some(now);
        }
    }

    /// Gives the labels that taint to these agents: what they received after a backup is unknown.
    pub fn taint<'a>(&mut self, agents: impl IntoIterator<Item = &'a AgentId>, now: Duration) {
        let all = Labels::NONE.with(Label::PrivateData).with(Label::UntrustedContent);
        for agent in agents {
            self.record(agent, all, now);
        }
    }

    /// Takes a snapshot.
    #[must_use]
    pub fn snapshot(&self, now: Duration) -> LabelSnapshot {
        let times = |seen: &BTreeMap<Label, Received>| {
            seen.iter().map(|(label, received)| (*label, millis(received.at))).collect()
        };
        let agents = self.agents.iter().map(|(agent, seen)| (agent.clone(), times(seen))).collect();
        LabelSnapshot { running: millis(now), agents }
    }

    /// Restores a snapshot. A label may have been received again since, up to the time after which that is recorded.
    #[must_use]
    pub fn restore(snapshot: &LabelSnapshot) -> Self {
        let now = snapshot.running();
        let received = |at: &u64| {
            let at = Duration::from_millis(*at).saturating_add(RECORD_AGAIN).min(now);
            Received { at, recorded: Some(at) }
        };
        let seen = |seen: &BTreeMap<Label, u64>| seen.iter().map(|(label, at)| (*label, received(at))).collect();
        Self { agents: snapshot.agents.iter().map(|(agent, times)| (agent.clone(), seen(times))).collect() }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn agent() -> AgentId {
        "a".parse().unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn taint() -> Labels {
        Labels::NONE.with(Label::PrivateData).with(Label::UntrustedContent)
    }

    #[test]
    fn a_label_ends_only_with_running_time() {
        let mut book = LabelBook::default();
        book.record(&agent(), taint().with(Label::External), seconds(10));
        assert_eq!(book.labels(&agent(), seconds(3609), HOUR), taint());
        assert_eq!(book.labels(&agent(), seconds(3610), HOUR), Labels::NONE);
        assert_eq!(book.labels(&"b".parse().unwrap(), seconds(11), HOUR), Labels::NONE);
        assert_eq!(book.labels(&agent(), seconds(20), seconds(5)), Labels::NONE, "the setting counts at once");
    }

    /// Every label that is received again after the last snapshot and its last receipt survives a crash in full.
    #[test]
    fn no_crash_shortens_a_label() {
        for snapshot_at in [0, 1, 30, 59, 60, 61, 119, 120, 500] {
            let mut book = LabelBook::default();
            let (mut stored, mut receipts) = (LabelSnapshot::default(), Vec::new());
            for at in (0..600).step_by(7) {
                if at >= snapshot_at && stored.is_empty() {
                    stored = book.snapshot(seconds(at));
                    receipts.clear();
                }
                if !book.add(&agent(), taint(), seconds(at)).is_empty() {
                    book.record(&agent(), taint(), seconds(at));
                    receipts.push(at);
                }
            }
            let mut after = LabelBook::restore(&stored);
            for _ in receipts {
                after.record(&agent(), taint(), stored.running());
            }
            let now = stored.running() + HOUR - seconds(1);
            assert_eq!(after.labels(&agent(), now, HOUR), taint(), "snapshot at {snapshot_at}");
        }
    }

    #[test]
    fn a_restore_taints_every_known_agent() {
        let mut book = LabelBook::default();
        book.taint([&agent(), &"b".parse().unwrap()], seconds(5));
        assert!(book.labels(&"b".parse().unwrap(), seconds(6), HOUR).is_tainted());
        let again = LabelBook::restore(&book.snapshot(seconds(6)));
        assert!(again.labels(&agent(), seconds(3000), HOUR).is_tainted());
    }
}
