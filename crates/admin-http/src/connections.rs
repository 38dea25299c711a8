//! The limits of connections and event streams, per owner and in all.
//!
//! Every program of this user reaches `admin.sock`, and every program of this computer reaches the console's port. None of them may
//! shut the person out by opening connections and leaving them, or by requests that never end. A new connection is therefore always
//! admitted, and another one ends for it at a limit: one of the owner with the most, the idle ones first. An owner is a process at
//! the socket, and a console session at the port. Connections at the port that have not shown a session have no owner. They end
//! first, except for a few places that sessions cannot take from them. Attack 70.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use briefcase_types::Digest;
use tokio_util::sync::CancellationToken;

/// Connections at one place.
const IN_ALL: usize = 128;
/// Connections of one owner.
const PER_OWNER: usize = 24;
/// Places of connections that have not shown a session, which no session can take.
const UNPROVEN_PLACES: usize = 32;
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
    /// Requests whose body is being received.
    receiving: usize,
    /// Requests in progress, these included.
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

/// A request whose body is being received.
#[derive(Debug)]
pub struct ReceivingGuard {
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
    /// Admits a connection. At a limit, another one ends for it.
    pub fn admit(&self, owner: Owner) -> ConnectionSlot {
        let mut table = self.lock();
        if owner != Owner::Unproven {
            end_surplus(&mut table.connections, owner, PER_OWNER.saturating_sub(1));
        }
        if table.connections.len() >= IN_ALL {
            first_to_end(&table.connections).into_iter().for_each(|id| end(&mut table.connections, id));
        }
        let (id, token) = table.add(owner, |table| &mut table.connections);
        drop(table);
        ConnectionSlot(Permit { table: self.clone(), id, end: token })
    }

    /// Admits an event stream. At a limit, another one ends for it.
    fn admit_stream(&self, owner: Owner) -> StreamPermit {
        let mut table = self.lock();
        end_surplus(&mut table.streams, owner, STREAMS_PER_OWNER.saturating_sub(1));
        if table.streams.len() >= STREAMS_IN_ALL {
            first_to_end(&table.streams).into_iter().for_each(|id| end(&mut table.streams, id));
        }
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
        map(self).insert(id, Entry { owner, receiving: 0, busy: 0, used: id, end: end.clone() });
        (id, end)
    }
}

impl Entry {
    /// The order in which connections of one owner end: idle, with half a request, with a request in progress, then by age.
    const fn order(&self) -> (bool, bool, u64) {
        (self.busy > self.receiving, self.busy > 0, self.used)
    }
}

/// Ends entries of one owner until it has no more than `most`.
fn end_surplus(entries: &mut HashMap<u64, Entry>, owner: Owner, most: usize) {
    let mut own: Vec<_> = entries.iter().filter(|(_, entry)| entry.owner == owner).collect();
    own.sort_unstable_by_key(|(_, entry)| entry.order());
    let surplus = own.len().saturating_sub(most);
    let ending: Vec<u64> = own.into_iter().take(surplus).map(|(id, _)| *id).collect();
    ending.into_iter().for_each(|id| end(entries, id));
}

/// Selects the entry that makes room: the oldest one without an owner while these have more than their places, then one of the
/// owner with the most.
fn first_to_end(entries: &HashMap<u64, Entry>) -> Option<u64> {
    let mut counts: HashMap<Owner, usize> = HashMap::new();
    for entry in entries.values() {
        *counts.entry(entry.owner).or_default() += 1;
    }
    let unproven = counts.remove(&Owner::Unproven).unwrap_or_default();
    let oldest_unproven = || {
        let unproven = entries.iter().filter(|(_, entry)| entry.owner == Owner::Unproven);
        unproven.min_by_key(|(_, entry)| entry.used).map(|(id, _)| *id)
    };
    if unproven > UNPROVEN_PLACES || counts.is_empty() {
        return oldest_unproven();
    }
    let count = |entry: &Entry| counts.get(&entry.owner).copied().unwrap_or_default();
    entries.iter().min_by_key(|(_, entry)| (Reverse(count(entry)), entry.order())).map(|(id, _)| *id)
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

    /// Marks a request's body as incomplete until the guard is dropped.
    pub fn receiving(&self) -> ReceivingGuard {
        self.update(|entry| entry.receiving += 1);
        ReceivingGuard { table: self.table.clone(), id: self.id }
    }

    /// Records that a request on the connection showed a session of the console. At the session's limit, another connection of it
    /// ends.
    pub fn prove(&self, session: Digest) {
        let owner = Owner::Session(session);
        let mut table = self.table.lock();
        if table.connections.get(&self.id).is_none_or(|entry| entry.owner == owner) {
            return;
        }
        end_surplus(&mut table.connections, owner, PER_OWNER.saturating_sub(1));
        if let Some(entry) = table.connections.get_mut(&self.id) {
            entry.owner = owner;
        }
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

impl Drop for ReceivingGuard {
    fn drop(&mut self) {
        let handle = ConnectionHandle { table: self.table.clone(), id: self.id };
        handle.update(|entry| entry.receiving = entry.receiving.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(connections: &Connections, owner: Owner, count: usize) -> Vec<ConnectionSlot> {
        (0..count).map(|_| connections.admit(owner)).collect()
    }

    fn alive(connections: &[ConnectionSlot]) -> usize {
        connections.iter().filter(|connection| !connection.ended().is_cancelled()).count()
    }

    #[test]
    fn idle_connections_shut_nobody_out() {
        let console = Connections::default();
        let person = console.admit(Owner::Unproven);
        person.handle().prove(Digest::sha256(b"session"));
        let flood = open(&console, Owner::Unproven, 1000);
        assert!(!person.ended().is_cancelled(), "a session's connection ended");
        assert_eq!(alive(&flood), IN_ALL - 1);
        assert!(!console.admit(Owner::Unproven).ended().is_cancelled());
        // Slow requests of strangers do not count as use.
        let busy: Vec<_> = flood.iter().map(|connection| connection.handle().busy()).collect();
        assert!(!console.admit(Owner::Unproven).ended().is_cancelled());
        drop(busy);
    }

    #[test]
    fn one_process_ends_its_own_connections_and_many_end_those_of_the_largest() {
        let socket = Connections::default();
        let cli = socket.admit(Owner::Process(7));
        let one = open(&socket, Owner::Process(8), 100);
        assert_eq!((alive(&one), cli.ended().is_cancelled()), (PER_OWNER, false));
        let many: Vec<_> = (100..200).flat_map(|pid| open(&socket, Owner::Process(pid), 2)).collect();
        assert!(!cli.ended().is_cancelled(), "the smallest owner gave way");
        assert_eq!(alive(&one) + alive(&many) + 1, IN_ALL);
        drop((one, many));
        assert_eq!(socket.lock().connections.len(), 1);
    }

    /// Requests that never end: half a body, or a handler that waits for a server.
    #[test]
    fn requests_in_progress_shut_nobody_out() {
        for (owners, each) in [(6, PER_OWNER), (3, 48), (64, 2), (128, 1), (1000, 1)] {
            for half_a_body in [true, false] {
                let socket = Connections::default();
                let cli = socket.admit(Owner::Process(7));
                let greedy: Vec<_> =
                    (100..100 + owners).flat_map(|pid| open(&socket, Owner::Process(pid), each)).collect();
                let busy: Vec<_> = greedy.iter().map(|connection| connection.handle().busy()).collect();
                let bodies = greedy.iter().filter(|_| half_a_body).map(|connection| connection.handle().receiving());
                let bodies: Vec<_> = bodies.collect();
                let newcomer = socket.admit(Owner::Process(99));
                let _work = newcomer.handle().busy();
                if each > 1 {
                    assert!(!cli.ended().is_cancelled(), "{owners} x {each}: the smallest owner ended");
                    // The greedy ones go on, at their own expense.
                    drop(open(&socket, Owner::Process(100), 10 * each));
                    assert!(!newcomer.ended().is_cancelled() && !cli.ended().is_cancelled(), "{owners} x {each}");
                }
                assert!(!newcomer.ended().is_cancelled(), "{owners} x {each}");
                assert!(socket.lock().connections.len() <= IN_ALL);
                drop((busy, bodies));
            }
        }
    }

    #[test]
    fn idle_connections_end_first_then_half_requests_then_the_oldest() {
        let socket = Connections::default();
        let own = open(&socket, Owner::Process(8), PER_OWNER);
        let working: Vec<_> = own.iter().take(PER_OWNER - 2).map(|connection| connection.handle().busy()).collect();
        let half = (own[PER_OWNER - 2].handle().busy(), own[PER_OWNER - 2].handle().receiving());
        let ended = || own.iter().enumerate().filter(|(_, one)| one.ended().is_cancelled()).map(|(at, _)| at);
        let mut later = Vec::new();
        for expected in [vec![PER_OWNER - 1], vec![PER_OWNER - 2, PER_OWNER - 1], vec![0, PER_OWNER - 2, PER_OWNER - 1]]
        {
            let newcomer = socket.admit(Owner::Process(8));
            later.push((newcomer.handle().busy(), newcomer));
            assert_eq!(ended().collect::<Vec<_>>(), expected);
        }
        drop((working, half));
    }

    /// Sessions of the console need no factor, so many of them must leave room for a page that has none yet.
    #[test]
    fn sessions_take_no_place_of_a_new_page_and_have_a_limit_each() {
        let console = Connections::default();
        let person = console.admit(Owner::Unproven);
        person.handle().prove(Digest::sha256(b"person"));
        let mut greedy = Vec::new();
        for session in 0..16_u8 {
            for _ in 0..IN_ALL {
                let connection = console.admit(Owner::Unproven);
                connection.handle().prove(Digest::sha256(&[session]));
                greedy.push((connection.handle().busy(), connection));
            }
            let own = console
                .lock()
                .connections
                .values()
                .filter(|entry| entry.owner == Owner::Session(Digest::sha256(&[session])))
                .count();
            assert!(own <= PER_OWNER, "{own} connections of one session");
        }
        assert!(!person.ended().is_cancelled());
        let page = console.admit(Owner::Unproven);
        let _others: Vec<_> = open(&console, Owner::Unproven, UNPROVEN_PLACES - 1);
        assert!(!page.ended().is_cancelled(), "the newest pages have places of their own");
        page.handle().prove(Digest::sha256(b"person"));
        let _more = open(&console, Owner::Unproven, 1000);
        assert!(!page.ended().is_cancelled() && !person.ended().is_cancelled());
    }

    #[test]
    fn streams_are_counted_by_owner() {
        let socket = Connections::default();
        let cli = socket.admit(Owner::Process(7)).handle().stream();
        let person = socket.admit(Owner::Process(6));
        let watched = person.handle().stream();
        let greedy = socket.admit(Owner::Process(8));
        let streams: Vec<_> = (0..80).map(|_| greedy.handle().stream()).collect();
        let open = streams.iter().filter(|stream| !stream.ended().is_cancelled()).count();
        assert_eq!((open, watched.ended().is_cancelled()), (STREAMS_PER_OWNER, false));
        let others: Vec<_> = (100..140).map(|pid| socket.admit(Owner::Process(pid))).collect();
        let _more: Vec<_> = others.iter().map(|connection| connection.handle().stream()).collect();
        assert!(socket.lock().streams.len() <= STREAMS_IN_ALL);
        assert!(!watched.ended().is_cancelled(), "the process with the most gives way first");
        drop(cli);
    }
}
