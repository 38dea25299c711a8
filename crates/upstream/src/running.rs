//! Which calls run on a connection, and which of them a message belongs to when its wire does not say.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_mcp::method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{link::Call, params::progress_token, related::Related};

/// The running calls of clients, by their number on the wire.
#[derive(Default)]
pub(crate) struct Running(Mutex<BTreeMap<u32, Entry>>);

struct Entry {
    related: Arc<Related>,
    token: Option<Box<str>>,
}

/// One running call; over when dropped.
pub(crate) struct Entered {
    running: Arc<Running>,
    number: u32,
}

impl Running {
    /// Notes a call, if it is one of a client.
    pub(crate) fn enter(self: &Arc<Self>, number: u32, call: &Call) -> Option<Entered> {
        let related = Arc::clone(call.related.as_ref()?);
        let entry = Entry { related, token: progress_token(&call.params) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, entry);
        Some(Entered { running: Arc::clone(self), number })
    }

    /// The call that a notification belongs to: progress by its token, anything else only when a single call runs.
    pub(crate) fn related_to(&self, name: &str, params: Option<&[u8]>) -> Option<Arc<Related>> {
        #[derive(Deserialize)]
        struct Progress<'a> {
            #[serde(borrow, rename = "progressToken")]
            token: &'a RawValue,
        }
        if name != method::PROGRESS {
            return self.only();
        }
        let progress: Progress<'_> = serde_json::from_slice(params?).ok()?;
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |entry: &&Entry| entry.token.as_deref() == Some(progress.token.get());
        running.values().find(named).map(|entry| Arc::clone(&entry.related))
    }

    /// The call that a question belongs to: the only one, or the newest when the client can be asked in no other way.
    pub(crate) fn asked(&self, only_in_calls: bool) -> Option<Arc<Related>> {
        if !only_in_calls {
            return self.only();
        }
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.last_key_value().map(|(_, entry)| Arc::clone(&entry.related))
    }

    fn only(&self) -> Option<Arc<Related>> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.first_key_value().filter(|_| running.len() == 1).map(|(_, entry)| Arc::clone(&entry.related))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let entry = self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        if let Some(entry) = entry {
            entry.related.over.cancel();
        }
    }
}
