//! How many connections there may be, in all and from one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

const IN_ALL: usize = 128;
const PER_PROCESS: usize = 48;

/// The connections that are open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<HashMap<i32, usize>>>);

/// One place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    pid: i32,
}

impl Slots {
    /// A place for a process; `None` when it, or all together, have their number.
    pub(crate) fn take(&self, pid: Option<i32>) -> Option<Slot> {
        let pid = pid.unwrap_or_default();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= IN_ALL || open.get(&pid).is_some_and(|count| *count >= PER_PROCESS) {
            return None;
        }
        *open.entry(pid).or_default() += 1;
        Some(Slot { slots: self.clone(), pid })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.pid) {
            *count = count.saturating_sub(1);
        }
        open.retain(|_, count| *count > 0);
    }
}
