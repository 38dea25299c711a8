//! The limits of connections and event streams, per owner and in all.
//!
//! Every program of this user reaches `admin.sock`, and every program of this computer reaches the console's port. None of them may
//! shut the person out by opening connections and leaving them. A new connection is therefore always admitted while another one can
//! make room for it: the oldest idle one of the owner with the most. An owner is a process at the socket, and a console session at
//! the port. Connections at the port that have not shown a session have no owner, and are the first to go. Attack 70.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use briefcase_types::Digest;
use tokio_util::sync::CancellationToken;

/// Connections at one place.
const IN_ALL: usize = 128;
/// Connections of one owner.
const PER_OWNER: usize = 24;
/// Event streams at one place.
const STREAMS_IN_ALL: usize = 48;
/// Event streams of one owner.
const STREAMS_PER_OWNER: usize = 8;

/// The owner of connections and streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A process at the admin socket; 0 where the system does not say.
    Process(i32),
    /// A session of the console, by the digest of its token.
    Session(Digest),
    /// A connection that has not shown a session of the console.
    Unproven,
}

/// The open connections and streams of one place.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    connections: HashMap<u64, Entry>,
    streams: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    owner: Owner,
    /// Requests in progress.
    busy: usize,
    /// The order of the last use.
    used: u64,
    end: CancellationToken,
}

/// One connection. It is counted until this value is dropped.
#[derive(Debug)]
pub struct ConnectionSlot(Permit);

/// One event stream. It is counted until this value is dropped.
#[derive(Debug)]
pub struct StreamPermit(Permit);

#[derive(Debug)]
struct Permit {
    table: Connections,
    id: u64,
    end: CancellationToken,
}

/// A request in progress on a connection.
#[derive(Debug)]
pub struct BusyGuard {
    table: Connections,
    id: u64,
}

/// The connection of a request, as its handlers see it.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {
    table: Connections,
    id: u64,
}

impl Connections {
    /// Admits a connection. Another one may end for it. Returns `None` when every other connection is busy.
    pub fn admit(&self, owner: Owner) -> Option<ConnectionSlot> {
        let mut table = self.lock();
        let own = table.connections.values().filter(|entry| entry.owner == owner).count();
        let leaving = if owner != Owner::Unproven && own >= PER_OWNER {
            Some(oldest(&table.connections, |entry| entry.owner == owner && entry.busy == 0)?)
        } else if table.connections.len() >= IN_ALL {
            Some(oldest_of_most(&table.connections)?)
        } else {
            None
        };
        leaving.into_iter().for_each(|id| end(&mut table.connections, id));
        let (id, token) = table.add(owner, |table| &mut table.connections);
        drop(table);
        Some(ConnectionSlot(Permit { table: self.clone(), id, end: token }))
    }

    /// Admits an event stream. Another one may end for it.
    fn admit_stream(&self, owner: Owner) -> StreamPermit {
        let mut table = self.lock();
        let own = table.streams.values().filter(|entry| entry.owner == owner).count();
        let leaving = if own >= STREAMS_PER_OWNER {
            oldest(&table.streams, |entry| entry.owner == owner)
        } else if table.streams.len() >= STREAMS_IN_ALL {
            oldest_of_most(&table.streams)
        } else {
            None
        };
        leaving.into_iter().for_each(|id| end(&mut table.streams, id));
        let (id, token) = table.add(owner, |table| &mut table.streams);
        drop(table);
        StreamPermit(Permit { table: self.clone(), id, end: token })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn add(&mut self, owner: Owner, map: impl Fn(&mut Self) -> &mut HashMap<u64, Entry>) -> (u64, CancellationToken) {
        self.next += 1;
        let (id, end) = (self.next, CancellationToken::new());
        map(self).insert(id, Entry { owner, busy: 0, used: id, end: end.clone() });
        (id, end)
    }
}

fn oldest(entries: &HashMap<u64, Entry>, may_go: impl Fn(&Entry) -> bool) -> Option<u64> {
    entries.iter().filter(|(_, entry)| may_go(entry)).min_by_key(|(_, entry)| entry.used).map(|(id, _)| *id)
}

/// Selects the entry that makes room: one without an owner, even when busy, then the oldest idle one of the owner with the most.
fn oldest_of_most(entries: &HashMap<u64, Entry>) -> Option<u64> {
    if let Some(unproven) = oldest(entries, |entry| entry.owner == Owner::Unproven) {
        return Some(unproven);
    }
    let mut counts: HashMap<Owner, usize> = HashMap::new();
    for entry in entries.values() {
        *counts.entry(entry.owner).or_default() += 1;
    }
    let idle = entries.iter().filter(|(_, entry)| entry.busy == 0);
    let count = |entry: &Entry| counts.get(&entry.owner).copied().unwrap_or_default();
    idle.min_by_key(|(_, entry)| (std::cmp::Reverse(count(entry)), entry.used)).map(|(id, _)| *id)
}

fn end(entries: &mut HashMap<u64, Entry>, id: u64) {
    if let Some(entry) = entries.remove(&id) {
        entry.end.cancel();
    }
}

impl ConnectionSlot {
    /// Fires when the connection has to make room for another.
    pub const fn ended(&self) -> &CancellationToken {
        &self.0.end
    }

    /// The handle for the requests on the connection.
    pub fn handle(&self) -> ConnectionHandle {
        ConnectionHandle { table: self.0.table.clone(), id: self.0.id }
    }
}

impl ConnectionHandle {
    /// Marks the connection as busy until the guard is dropped.
    pub fn busy(&self) -> BusyGuard {
        self.update(|entry| entry.busy += 1);
        BusyGuard { table: self.table.clone(), id: self.id }
    }

    /// Records that a request on the connection showed a session of the console.
    pub fn prove(&self, session: Digest) {
        self.update(|entry| entry.owner = Owner::Session(session));
    }

    /// The process at the other end; `None` at the console's port.
    pub fn process(&self) -> Option<i32> {
        match self.owner() {
            Owner::Process(pid) => Some(pid),
            Owner::Session(_) | Owner::Unproven => None,
        }
    }

    /// Admits an event stream of the connection's owner.
    pub fn stream(&self) -> StreamPermit {
        self.table.admit_stream(self.owner())
    }

    fn owner(&self) -> Owner {
        self.table.lock().connections.get(&self.id).map_or(Owner::Unproven, |entry| entry.owner)
    }

    fn update(&self, change: impl FnOnce(&mut Entry)) {
        let mut table = self.table.lock();
        table.next += 1;
        let used = table.next;
        if let Some(entry) = table.connections.get_mut(&self.id) {
            entry.used = used;
            change(entry);
        }
    }
}

impl StreamPermit {
    /// Fires when the stream has to make room for another.
    pub const fn ended(&self) -> &CancellationToken {
        &self.0.end
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        table.connections.remove(&self.id);
        table.streams.remove(&self.id);
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let handle = ConnectionHandle { table: self.table.clone(), id: self.id };
        handle.update(|entry| entry.busy = entry.busy.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(connections: &Connections, owner: Owner, count: usize) -> Vec<ConnectionSlot> {
        (0..count).map(|_| connections.admit(owner).unwrap()).collect()
    }

    fn alive(connections: &[ConnectionSlot]) -> usize {
        connections.iter().filter(|connection| !connection.ended().is_cancelled()).count()
    }

    #[test]
    fn idle_connections_shut_nobody_out() {
        let console = Connections::default();
        let person = console.admit(Owner::Unproven).unwrap();
        person.handle().prove(Digest::sha256(b"session"));
        let flood = open(&console, Owner::Unproven, 1000);
        assert!(!person.ended().is_cancelled(), "a session's connection ended");
        assert_eq!(alive(&flood), IN_ALL - 1);
        assert!(!console.admit(Owner::Unproven).unwrap().ended().is_cancelled());
        // Slow requests of strangers do not count as use.
        let busy: Vec<_> = flood.iter().map(|connection| connection.handle().busy()).collect();
        assert!(console.admit(Owner::Unproven).is_some());
        drop(busy);
    }

    #[test]
    fn one_process_ends_its_own_connections_and_many_end_those_of_the_largest() {
        let socket = Connections::default();
        let cli = socket.admit(Owner::Process(7)).unwrap();
        let one = open(&socket, Owner::Process(8), 100);
        assert_eq!((alive(&one), cli.ended().is_cancelled()), (PER_OWNER, false));
        let many: Vec<_> = (100..200).flat_map(|pid| open(&socket, Owner::Process(pid), 2)).collect();
        assert!(!cli.ended().is_cancelled(), "the smallest owner gave way");
        assert_eq!(alive(&one) + alive(&many) + 1, IN_ALL);
        drop((one, many));
        assert_eq!(socket.lock().connections.len(), 1);
    }

    #[test]
    fn requests_in_progress_are_not_ended() {
        let socket = Connections::default();
        let own = open(&socket, Owner::Process(8), PER_OWNER);
        let busy: Vec<_> = own.iter().map(|connection| connection.handle().busy()).collect();
        assert!(socket.admit(Owner::Process(8)).is_none());
        assert!(socket.admit(Owner::Process(9)).is_some());
        drop(busy);
        assert!(socket.admit(Owner::Process(8)).is_some());
        assert_eq!(alive(&own), PER_OWNER - 1);
    }

    #[test]
    fn streams_are_counted_by_owner() {
        let socket = Connections::default();
        let cli = socket.admit(Owner::Process(7)).unwrap().handle().stream();
        let person = socket.admit(Owner::Process(6)).unwrap();
        let watched = person.handle().stream();
        let greedy = socket.admit(Owner::Process(8)).unwrap();
        let streams: Vec<_> = (0..80).map(|_| greedy.handle().stream()).collect();
        let open = streams.iter().filter(|stream| !stream.ended().is_cancelled()).count();
        assert_eq!((open, watched.ended().is_cancelled()), (STREAMS_PER_OWNER, false));
        let others: Vec<_> = (100..140).map(|pid| socket.admit(Owner::Process(pid)).unwrap()).collect();
        let _more: Vec<_> = others.iter().map(|connection| connection.handle().stream()).collect();
        assert!(socket.lock().streams.len() <= STREAMS_IN_ALL);
        assert!(!watched.ended().is_cancelled(), "the process with the most gives way first");
        drop(cli);
    }
}
