//! Limits for the number of connections: before the handshake, per process, and in all.
//!
//! Invariant: a newcomer is always admitted. At a limit another connection ends for it, so that nobody shuts the others out by
//! opening connections and leaving them. An authenticated connection ends only for another authenticated one: of the agent with the
//! most, of that agent's process with the most, the one that was silent for the longest time. Attack 70.

use std::{
    cmp::Reverse,
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

/// Authenticated connections. The tests of this module open several times as many, and use fewer.
const IN_ALL: usize = if cfg!(test) { 128 } else { 1000 };
/// Authenticated connections of one process.
const PER_PROCESS: usize = if cfg!(test) { 48 } else { 900 };
/// Connections before the end of their handshake.
const HANDSHAKES: usize = 128;

/// The open connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionLimit(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The order of uses.
    clock: AtomicU64,
    open: Mutex<HashMap<u64, Entry>>,
}

#[derive(Debug)]
struct Entry {
    pid: i32,
    /// The agent; `None` before the end of the handshake.
    agent: Option<Arc<str>>,
    used: Arc<AtomicU64>,
    end: CancellationToken,
}

/// A permit for one connection, returned when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    limit: ConnectionLimit,
    id: u64,
    used: Arc<AtomicU64>,
    end: CancellationToken,
}

impl ConnectionLimit {
    /// Admits a connection before its handshake. Another one that has not finished its handshake may end for it.
    pub(crate) fn admit(&self, pid: Option<i32>) -> ConnectionPermit {
        let id = self.0.tick();
        let (used, end) = (Arc::new(AtomicU64::new(id)), CancellationToken::new());
        let entry = Entry { pid: pid.unwrap_or_default(), agent: None, used: Arc::clone(&used), end: end.clone() };
        let mut open = self.0.open();
        let waiting = |entry: &Entry| entry.agent.is_none();
        if count(&open, waiting) >= HANDSHAKES {
            end_of_most(&mut open, waiting, |entry| entry.pid, |entry| entry.pid);
        }
        open.insert(id, entry);
        drop(open);
        ConnectionPermit { limit: self.clone(), id, used, end }
    }
}

impl Shared {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// Records the agent of an authenticated connection. Another authenticated connection may end for it.
    pub(crate) fn authenticated(&self, agent: &str) {
        let agent: Arc<str> = agent.into();
        let mut open = self.limit.0.open();
        // A connection that has ended takes no place.
        let Some(pid) = open.get(&self.id).map(|entry| entry.pid) else { return };
        let own = |entry: &Entry| entry.agent.is_some() && entry.pid == pid;
        let all = |entry: &Entry| entry.agent.is_some();
        if count(&open, own) >= PER_PROCESS {
            end_of_most(&mut open, own, |entry| entry.agent.clone(), |entry| entry.pid);
        } else if count(&open, all) >= IN_ALL {
            end_of_most(&mut open, all, |entry| entry.agent.clone(), |entry| (entry.agent.clone(), entry.pid));
        }
        if let Some(entry) = open.get_mut(&self.id) {
            entry.agent = Some(agent);
        }
    }

    /// Records a use of the connection.
    pub(crate) fn touch(&self) {
        self.used.store(self.limit.0.tick(), Ordering::Relaxed);
    }

    /// Fires when the connection has to make room for another.
    pub(crate) const fn ended(&self) -> &CancellationToken {
        &self.end
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limit.0.open().remove(&self.id);
    }
}

fn count(open: &HashMap<u64, Entry>, of: impl Fn(&Entry) -> bool) -> usize {
    open.values().filter(|entry| of(entry)).count()
}

/// Ends one connection among those that `of` selects: of the largest group, of its largest part, the one without a use for the
/// longest time.
fn end_of_most<G: Hash + Eq, P: Hash + Eq>(
    open: &mut HashMap<u64, Entry>,
    of: impl Fn(&Entry) -> bool,
    group: impl Fn(&Entry) -> G,
    part: impl Fn(&Entry) -> P,
) {
    let (mut groups, mut parts) = (HashMap::<G, usize>::new(), HashMap::<P, usize>::new());
    for entry in open.values().filter(|entry| of(entry)) {
        *groups.entry(group(entry)).or_default() += 1;
        *parts.entry(part(entry)).or_default() += 1;
    }
    let order = |entry: &Entry| {
        let in_group = groups.get(&group(entry)).copied().unwrap_or_default();
        let in_part = parts.get(&part(entry)).copied().unwrap_or_default();
        (Reverse(in_group), Reverse(in_part), entry.used.load(Ordering::Relaxed))
    };
    let ending = open.iter().filter(|(_, entry)| of(entry)).min_by_key(|(_, entry)| order(entry)).map(|(id, _)| *id);
    if let Some(entry) = ending.and_then(|id| open.remove(&id)) {
        entry.end.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateways(limit: &ConnectionLimit, agent: &str, pids: impl IntoIterator<Item = i32>) -> Vec<ConnectionPermit> {
        let gateway = |pid| {
            let permit = limit.admit(Some(pid));
            permit.authenticated(agent);
            permit
        };
        pids.into_iter().map(gateway).collect()
    }

    fn alive(permits: &[ConnectionPermit]) -> usize {
        permits.iter().filter(|permit| !permit.ended().is_cancelled()).count()
    }

    #[test]
    fn one_agent_shuts_out_no_other_however_many_processes_it_has() {
        for (processes, each) in [(1, 4 * IN_ALL), (3, PER_PROCESS), (IN_ALL, 1), (4 * IN_ALL, 1), (IN_ALL, 3)] {
            let limit = ConnectionLimit::default();
            let early = gateways(&limit, "other", [1, 2]);
            let pids = || (100..).take(processes).flat_map(|pid| std::iter::repeat_n(pid, each));
            let greedy = gateways(&limit, "greedy", pids());
            let late = gateways(&limit, "third", [3]);
            let again = gateways(&limit, "greedy", pids());
            assert_eq!((alive(&early), alive(&late)), (2, 1), "{processes} x {each}");
            assert!(alive(&greedy) + alive(&again) + 3 <= IN_ALL, "{processes} x {each}");
        }
    }

    #[test]
    fn of_one_agent_the_process_with_the_most_gives_way_then_the_most_silent() {
        let limit = ConnectionLimit::default();
        let honest = gateways(&limit, "agent", [1]);
        let greedy = gateways(&limit, "agent", (2..5).flat_map(|pid| std::iter::repeat_n(pid, PER_PROCESS)));
        let newcomer = gateways(&limit, "agent", [9]);
        assert_eq!((alive(&honest), alive(&newcomer)), (1, 1));
        drop((greedy, newcomer));
        let equal = gateways(&limit, "agent", 100..100 + i32::try_from(IN_ALL).unwrap() - 1);
        honest.iter().for_each(ConnectionPermit::touch);
        let newcomer = gateways(&limit, "agent", [9]);
        assert_eq!((alive(&honest), alive(&equal), alive(&newcomer)), (1, IN_ALL - 2, 1));
        assert!(equal[0].ended().is_cancelled(), "the one that was silent for the longest time");
    }

    /// A gateway for many agents is one process.
    #[test]
    fn agents_of_one_process_share_its_places() {
        let limit = ConnectionLimit::default();
        let quiet = gateways(&limit, "quiet", [1]);
        let greedy = gateways(&limit, "greedy", std::iter::repeat_n(1, 3 * PER_PROCESS));
        assert_eq!((alive(&quiet), alive(&greedy)), (1, PER_PROCESS - 1));
    }

    #[test]
    fn connections_without_a_handshake_end_for_each_other_only() {
        let limit = ConnectionLimit::default();
        let gateway = gateways(&limit, "agent", [1]);
        let waiting = limit.admit(Some(2));
        let idle: Vec<_> = std::iter::repeat_n(3, 1000).map(|pid| limit.admit(Some(pid))).collect();
        assert_eq!((alive(&gateway), waiting.ended().is_cancelled()), (1, false));
        assert_eq!(alive(&idle), HANDSHAKES - 1);
        waiting.authenticated("agent");
        drop((idle, waiting, gateway));
        assert!(limit.0.open().is_empty());
    }

    #[test]
    fn a_connection_that_made_room_takes_no_place() {
        let limit = ConnectionLimit::default();
        let slow = limit.admit(Some(2));
        let _others: Vec<_> = std::iter::repeat_n(2, HANDSHAKES).map(|pid| limit.admit(Some(pid))).collect();
        assert!(slow.ended().is_cancelled());
        slow.authenticated("agent");
        assert_eq!(count(&limit.0.open(), |entry| entry.agent.is_some()), 0);
    }
}
