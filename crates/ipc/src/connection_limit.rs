//! Limits for the number of connections, in all and per process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

const IN_ALL: usize = 1000;
const PER_PROCESS: usize = 900;

/// The open connections per process.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionLimit(Arc<Mutex<HashMap<i32, usize>>>);

/// A permit for one connection, returned when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    limit: ConnectionLimit,
    pid: i32,
}

impl ConnectionLimit {
    /// Takes a permit for a process; `None` when the process or the total is at its limit.
    pub(crate) fn take(&self, pid: Option<i32>) -> Option<ConnectionPermit> {
        let pid = pid.unwrap_or_default();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= IN_ALL || open.get(&pid).is_some_and(|count| *count >= PER_PROCESS) {
            return None;
        }
        *open.entry(pid).or_default() += 1;
        Some(ConnectionPermit { limit: self.clone(), pid })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.limit.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.pid) {
            *count = count.saturating_sub(1);
        }
        open.retain(|_, count| *count > 0);
    }
}
