//! Calls that wait for the client's retry (multi round-trip requests of 2026-07-28).
//!
//! `requestState` returns from an untrusted client and therefore contains no state: it is a handle to an entry here.
//!
//! Invariant: a handle works once, within its time, for the agent that got it and for the same request. Otherwise it is
//! unknown.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_ports::{ContinuedCall, Operation};
use briefcase_types::{AgentId, Digest, Entropy, ServerId};
use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    handle,
    in_flight::{InFlightCall, InputRequest},
};

/// The request that a handle belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    agent: AgentId,
    server: ServerId,
    /// The digest of method, name and arguments.
    operation: Digest,
}

impl Binding {
    pub(crate) fn new(agent: &AgentId, server: &ServerId, operation: &Operation) -> Self {
        let (name, arguments) = match operation {
            Operation::CallTool { tool, arguments } => (tool.as_str(), arguments.as_ref()),
            Operation::GetPrompt { name, arguments } => (name.as_str(), arguments.as_ref()),
            Operation::ReadResource { uri } => (uri.as_str(), b"".as_slice()),
            Operation::Complete { params } | Operation::FollowUp { params, .. } => ("", params.as_ref()),
        };
        let method = operation.method();
        // A retry may write the same arguments differently. The engine refuses arguments that are not strict JSON.
        let canonical = briefcase_json::parse_strict(arguments, &briefcase_json::JsonLimits::AGENT)
            .map_or_else(|_| arguments.to_vec(), |value| briefcase_json::canonical(&value));
        let parts = [method.as_bytes(), name.as_bytes(), &canonical];
        let operation = Digest::labelled("briefcase/mcp-server/retry/1", &parts);
        Self { agent: agent.clone(), server: server.clone(), operation }
    }
}

/// A call that waits for the client's retry.
pub(crate) enum SuspendedCall {
    /// The server answered `input_required`. `state` is the server's own `requestState`, raw.
    Answered { state: Option<Bytes>, continuation: Option<Box<dyn ContinuedCall>> },
    /// The call still runs: a legacy server sent a request, or a person has to decide.
    Running { call: Box<InFlightCall>, input_requests: Vec<InputRequest> },
}

struct Entry {
    binding: Binding,
    call: SuspendedCall,
    expires: Instant,
    number: u64,
}

/// All suspended calls.
pub(crate) struct SuspendedCalls {
    entropy: Arc<dyn Entropy>,
    per_agent: usize,
    timeout: Duration,
    table: Mutex<(u64, HashMap<Box<str>, Entry>)>,
}

impl SuspendedCalls {
    pub(crate) fn new(entropy: Arc<dyn Entropy>, per_agent: usize, timeout: Duration) -> Self {
        Self { entropy, per_agent, timeout, table: Mutex::default() }
    }

    /// Adds a call and returns its handle. An agent with too many suspended calls loses its oldest.
    pub(crate) fn insert(&self, binding: Binding, call: SuspendedCall) -> Box<str> {
        let handle = handle::random(&*self.entropy);
        let mut removed = Vec::new();
        {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let (number, entries) = &mut *table;
            *number += 1;
            let own = entries.iter().filter(|(_, entry)| entry.binding.agent == binding.agent);
            if own.clone().count() >= self.per_agent
                && let Some(oldest) = own.min_by_key(|(_, entry)| entry.number).map(|(handle, _)| handle.clone())
            {
                removed.extend(entries.remove(&oldest));
            }
            let expires = Instant::now() + self.timeout;
            entries.insert(handle.clone(), Entry { binding, call, expires, number: *number });
        }
        // Dropping a call cancels it, which runs foreign code: not under the lock.
        drop(removed);
        handle
    }

    /// Removes and returns the call, if the handle is valid for exactly this request.
    pub(crate) fn take(&self, handle: &str, binding: &Binding) -> Option<SuspendedCall> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = table.1.get(handle)?;
        if entry.binding != *binding || entry.expires <= Instant::now() {
            return None;
        }
        table.1.remove(handle).map(|entry| entry.call)
    }

    /// Cancels the calls whose time is over.
    pub(crate) fn remove_expired(&self) {
        let now = Instant::now();
        self.remove(|entry| entry.expires <= now);
    }

    /// Cancels an agent's suspended calls.
    pub(crate) fn remove_agent(&self, agent: &AgentId) {
        self.remove(|entry| entry.binding.agent == *agent);
    }

    /// Cancels all suspended calls.
    pub(crate) fn clear(&self) {
        self.remove(|_| true);
    }

    fn remove(&self, which: impl Fn(&Entry) -> bool) {
        let removed: Vec<Entry> = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let handles: Vec<_> =
                table.1.iter().filter(|(_, entry)| which(entry)).map(|(handle, _)| handle.clone()).collect();
            handles.iter().filter_map(|handle| table.1.remove(handle)).collect()
        };
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    struct Counter(AtomicU8);

    impl Entropy for Counter {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn suspended_calls() -> SuspendedCalls {
        SuspendedCalls::new(Arc::new(Counter(AtomicU8::new(1))), 2, Duration::from_secs(600))
    }

    fn binding(agent: &str, server: &str, tool: &str, arguments: &'static str) -> Binding {
        let operation = Operation::CallTool { tool: tool.parse().unwrap(), arguments: arguments.into() };
        Binding::new(&agent.parse().unwrap(), &server.parse().unwrap(), &operation)
    }

    fn answered() -> SuspendedCall {
        SuspendedCall::Answered { state: None, continuation: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handle_works_once_for_one_agent_and_one_request_until_it_expires() {
        let calls = suspended_calls();
        let right = binding("a", "s", "t", r#"{"x":1,"y":2}"#);
        let handle = calls.insert(right.clone(), answered());
        for wrong in [
            binding("b", "s", "t", r#"{"x":1,"y":2}"#),
            binding("a", "z", "t", r#"{"x":1,"y":2}"#),
            binding("a", "s", "u", r#"{"x":1,"y":2}"#),
            binding("a", "s", "t", r#"{"x":1,"y":3}"#),
            Binding::new(
                &"a".parse().unwrap(),
                &"s".parse().unwrap(),
                &Operation::GetPrompt { name: "t".into(), arguments: r#"{"x":1,"y":2}"#.into() },
            ),
        ] {
            assert!(calls.take(&handle, &wrong).is_none());
        }
        assert!(calls.take(&format!("{handle}-TAMPERED"), &right).is_none());
        assert!(calls.take(&handle, &binding("a", "s", "t", "{ \"y\":2, \"x\":1.0 }")).is_some());
        assert!(calls.take(&handle, &right).is_none());
        let late = calls.insert(right.clone(), answered());
        tokio::time::advance(Duration::from_secs(600)).await;
        assert!(calls.take(&late, &right).is_none());
    }

    #[tokio::test]
    async fn an_agent_with_too_many_suspended_calls_loses_its_own_oldest() {
        let calls = suspended_calls();
        let other = calls.insert(binding("b", "s", "t", "{}"), answered());
        let mine: Vec<_> = (0..3).map(|_| calls.insert(binding("a", "s", "t", "{}"), answered())).collect();
        assert!(calls.take(&mine[0], &binding("a", "s", "t", "{}")).is_none());
        assert!(calls.take(&mine[1], &binding("a", "s", "t", "{}")).is_some());
        calls.remove_agent(&"a".parse().unwrap());
        assert!(calls.take(&mine[2], &binding("a", "s", "t", "{}")).is_none());
        assert!(calls.take(&other, &binding("b", "s", "t", "{}")).is_some());
    }
}
