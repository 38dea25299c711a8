//! Calls that wait for the client's retry (multi round-trip requests of 2026-07-28).
//!
//! `requestState` comes back from an untrusted client, so nothing is in it: it is a handle to what is kept here. A
//! handle works once, within its time, for the agent that got it and for the same request; otherwise it is unknown.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_types::{AgentId, Digest, Entropy, ServerId};
use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    core::{Continuation, Operation},
    handle,
    running::Suspended,
};

/// The request that a handle was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    agent: AgentId,
    server: ServerId,
    /// Method, name and arguments.
    subject: Digest,
}

impl Binding {
    pub(crate) fn new(agent: &AgentId, server: &ServerId, operation: &Operation) -> Self {
        let (method, name, arguments) = match operation {
            Operation::CallTool { tool, arguments } => ("tools/call", tool.as_str(), arguments.as_ref()),
            Operation::GetPrompt { name, arguments } => ("prompts/get", name.as_str(), arguments.as_ref()),
            Operation::ReadResource { uri } => ("resources/read", uri.as_str(), b"".as_slice()),
            Operation::Complete { params } => ("completion/complete", "", params.as_ref()),
            Operation::Follow { method, params } => (method.method(), "", params.as_ref()),
        };
        // A client may write the same arguments in another way. What is not strict JSON is refused by the engine anyway.
        let canonical = briefcase_json::parse_strict(arguments, &briefcase_json::Limits::AGENT)
            .map_or_else(|_| arguments.to_vec(), |value| briefcase_json::canonical(&value));
        let subject = Digest::labelled("briefcase/surface/retry/1", &[method.as_bytes(), name.as_bytes(), &canonical]);
        Self { agent: agent.clone(), server: server.clone(), subject }
    }
}

/// What waits.
pub(crate) enum Parked {
    /// The server answered `input_required` and keeps its own state, if any, in `state` (raw JSON).
    Answered { state: Option<Bytes>, continuation: Option<Continuation> },
    /// The call still runs: a legacy server asked something, or a person has to decide.
    Suspended(Box<Suspended>),
}

struct Slot {
    binding: Binding,
    parked: Parked,
    until: Instant,
    number: u64,
}

/// All calls that wait.
pub(crate) struct ParkedCalls {
    entropy: Arc<dyn Entropy>,
    per_agent: usize,
    keep: Duration,
    table: Mutex<(u64, HashMap<Box<str>, Slot>)>,
}

impl ParkedCalls {
    pub(crate) fn new(entropy: Arc<dyn Entropy>, per_agent: usize, keep: Duration) -> Self {
        Self { entropy, per_agent, keep, table: Mutex::default() }
    }

    /// Keeps a call and gives its handle. An agent's oldest call ends when it keeps too many waiting.
    pub(crate) fn park(&self, binding: Binding, parked: Parked) -> Box<str> {
        let handle = handle::draw(&*self.entropy);
        let mut gone = Vec::new();
        {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let (number, slots) = &mut *table;
            *number += 1;
            let mine = slots.iter().filter(|(_, slot)| slot.binding.agent == binding.agent);
            if mine.clone().count() >= self.per_agent
                && let Some(oldest) = mine.min_by_key(|(_, slot)| slot.number).map(|(handle, _)| handle.clone())
            {
                gone.extend(slots.remove(&oldest));
            }
            let until = Instant::now() + self.keep;
            slots.insert(handle.clone(), Slot { binding, parked, until, number: *number });
        }
        // Ending a call runs code of others: not under the lock.
        drop(gone);
        handle
    }

    /// Takes the call out, if the handle is good for exactly this request.
    pub(crate) fn take(&self, handle: &str, binding: &Binding) -> Option<Parked> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = table.1.get(handle)?;
        if slot.binding != *binding || slot.until <= Instant::now() {
            return None;
        }
        table.1.remove(handle).map(|slot| slot.parked)
    }

    /// Ends what has waited too long.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.end(|slot| slot.until <= now);
    }

    /// Ends what an agent keeps waiting.
    pub(crate) fn forget(&self, agent: &AgentId) {
        self.end(|slot| slot.binding.agent == *agent);
    }

    /// Ends all.
    pub(crate) fn clear(&self) {
        self.end(|_| true);
    }

    fn end(&self, which: impl Fn(&Slot) -> bool) {
        let gone: Vec<Slot> = {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let handles: Vec<_> =
                table.1.iter().filter(|(_, slot)| which(slot)).map(|(handle, _)| handle.clone()).collect();
            handles.iter().filter_map(|handle| table.1.remove(handle)).collect()
        };
        drop(gone);
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

    fn parked_calls() -> ParkedCalls {
        ParkedCalls::new(Arc::new(Counter(AtomicU8::new(1))), 2, Duration::from_secs(600))
    }

    fn binding(agent: &str, server: &str, tool: &str, arguments: &'static str) -> Binding {
        let operation = Operation::CallTool { tool: tool.parse().unwrap(), arguments: arguments.into() };
        Binding::new(&agent.parse().unwrap(), &server.parse().unwrap(), &operation)
    }

    fn answered() -> Parked {
        Parked::Answered { state: None, continuation: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handle_is_good_once_for_one_agent_and_one_request_and_not_for_long() {
        let calls = parked_calls();
        let right = binding("a", "s", "t", r#"{"x":1,"y":2}"#);
        let handle = calls.park(right.clone(), answered());
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
        let late = calls.park(right.clone(), answered());
        tokio::time::advance(Duration::from_secs(600)).await;
        assert!(calls.take(&late, &right).is_none());
    }

    #[tokio::test]
    async fn an_agent_that_parks_too_much_loses_its_own_oldest() {
        let calls = parked_calls();
        let other = calls.park(binding("b", "s", "t", "{}"), answered());
        let mine: Vec<_> = (0..3).map(|_| calls.park(binding("a", "s", "t", "{}"), answered())).collect();
        assert!(calls.take(&mine[0], &binding("a", "s", "t", "{}")).is_none());
        assert!(calls.take(&mine[1], &binding("a", "s", "t", "{}")).is_some());
        calls.forget(&"a".parse().unwrap());
        assert!(calls.take(&mine[2], &binding("a", "s", "t", "{}")).is_none());
        assert!(calls.take(&other, &binding("b", "s", "t", "{}")).is_some());
    }
}
