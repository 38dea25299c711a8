//! The requests in flight on a connection, and which of them a server's message belongs to when the transport does not
//! say.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_mcp::method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{params::progress_token, request_context::RequestContext};

/// The clients' requests in flight, by their id on the connection.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<BTreeMap<u32, Entry>>);

struct Entry {
    context: Arc<RequestContext>,
    progress_token: Option<Box<str>>,
}

/// One request in flight; over when dropped.
pub(crate) struct InFlightGuard {
    in_flight: Arc<InFlight>,
    id: u32,
}

impl InFlight {
    /// Registers a request, if a client sent it.
    pub(crate) fn enter(
        self: &Arc<Self>,
        id: u32,
        context: Option<&Arc<RequestContext>>,
        params: &[u8],
    ) -> Option<InFlightGuard> {
        let entry = Entry { context: Arc::clone(context?), progress_token: progress_token(params) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, entry);
        Some(InFlightGuard { in_flight: Arc::clone(self), id })
    }

    /// The request that a notification belongs to: progress by its token, anything else only when a single request is in
    /// flight.
    pub(crate) fn of_notification(&self, name: &str, params: Option<&[u8]>) -> Option<Arc<RequestContext>> {
        #[derive(Deserialize)]
        struct Progress<'a> {
            #[serde(borrow, rename = "progressToken")]
            token: &'a RawValue,
        }
        if name != method::PROGRESS {
            return self.only();
        }
        let progress: Progress<'_> = serde_json::from_slice(params?).ok()?;
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |entry: &&Entry| entry.progress_token.as_deref() == Some(progress.token.get());
        entries.values().find(named).map(|entry| Arc::clone(&entry.context))
    }

    /// The request that a server's request belongs to: the only one in flight, or the newest when the client takes requests
    /// in no other way.
    pub(crate) fn of_request(&self, only_within_requests: bool) -> Option<Arc<RequestContext>> {
        if !only_within_requests {
            return self.only();
        }
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.last_key_value().map(|(_, entry)| Arc::clone(&entry.context))
    }

    fn only(&self) -> Option<Arc<RequestContext>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.first_key_value().filter(|_| entries.len() == 1).map(|(_, entry)| Arc::clone(&entry.context))
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let entry = self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        if let Some(entry) = entry {
            entry.context.over.cancel();
        }
    }
}
