//! Task handles: the task ids that agents see.
//!
//! A server's task id could be guessed, or equal another server's. Agents get a handle instead, which belongs to one agent
//! and leads to one server. Tasks that a client runs for a server get handles in the other direction.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_json::raw::{Patch, RawObject, decode_string, quote};
use briefcase_types::{AgentId, Entropy, ServerId};
use bytes::Bytes;

use crate::{edit::edit_object, handle};

/// The `_meta` member that links a message to a task (2025-11-25).
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// The side that runs a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Runner {
    /// The server, for the agent.
    Server,
    /// The agent's client, for the server.
    Client,
}

/// A task by its runner's own id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub(crate) agent: AgentId,
    pub(crate) server: ServerId,
    pub(crate) runner: Runner,
    /// The runner's id for the task.
    pub(crate) id: String,
}

/// All task handles.
pub(crate) struct TaskHandles {
    entropy: Arc<dyn Entropy>,
    per_agent: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_handle: HashMap<Box<str>, Task>,
    by_task: HashMap<Task, Box<str>>,
    /// Each agent's handles, oldest first.
    order: HashMap<AgentId, VecDeque<Box<str>>>,
}

impl TaskHandles {
    pub(crate) fn new(entropy: Arc<dyn Entropy>, per_agent: usize) -> Self {
        Self { entropy, per_agent, table: Mutex::default() }
    }

    /// The handle of a task: the same one each time. An agent with too many handles loses its oldest.
    pub(crate) fn handle(&self, task: Task) -> Box<str> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let table = &mut *table;
        if let Some(handle) = table.by_task.get(&task) {
            return handle.clone();
        }
        let handle = handle::random(&*self.entropy);
        let order = table.order.entry(task.agent.clone()).or_default();
        order.push_back(handle.clone());
        if order.len() > self.per_agent
            && let Some(old) = order.pop_front()
            && let Some(task) = table.by_handle.remove(&old)
        {
            table.by_task.remove(&task);
        }
        table.by_handle.insert(handle.clone(), task.clone());
        table.by_task.insert(task, handle.clone());
        handle
    }

    /// The task of an agent's handle. Another agent's handle is unknown here, like any other text.
    pub(crate) fn find(&self, agent: &AgentId, runner: Runner, handle: &str) -> Option<Task> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.by_handle.get(handle).filter(|task| task.agent == *agent && task.runner == runner).cloned()
    }

    /// Removes an agent's handles.
    pub(crate) fn remove_agent(&self, agent: &AgentId) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.order.remove(agent);
        table.by_handle.retain(|_, task| task.agent != *agent);
        table.by_task.retain(|task, _| task.agent != *agent);
    }
}

/// Translates task ids between one agent and one server.
pub(crate) struct TaskIds<'a> {
    pub(crate) handles: &'a TaskHandles,
    pub(crate) agent: &'a AgentId,
    pub(crate) server: &'a ServerId,
}

impl TaskIds<'_> {
    /// Replaces ids by handles in an object of the runner: `task.taskId`, the link in `_meta`, and `taskId` itself where
    /// the object is a task.
    pub(crate) fn to_handles<'t>(&self, runner: Runner, is_task: bool, members: &RawObject<'t>, patch: &mut Patch<'t>) {
        let ids = [
            is_task.then(|| members.get("taskId")).flatten(),
            members.object("task").and_then(|task| task.get("taskId")),
        ];
        for id in ids.into_iter().flatten() {
            self.to_handle(runner, id, patch);
        }
        if let Some(id) = linked_id(members) {
            self.to_handle(Runner::Server, id, patch);
        }
    }

    /// Replaces one id, a raw string, by its handle.
    pub(crate) fn to_handle<'t>(&self, runner: Runner, raw: &'t str, patch: &mut Patch<'t>) {
        if let Some(id) = decode_string(raw) {
            let id = id.into_owned();
            let task = Task { agent: self.agent.clone(), server: self.server.clone(), runner, id };
            patch.replace(raw, quote(&self.handles.handle(task)));
        }
    }

    /// Replaces the handle in a `_meta` link of the client by the server's id. `object` has a `_meta` or is one.
    pub(crate) fn to_linked_id(&self, object: &Bytes) -> Bytes {
        edit_object(object, |_, members, patch| {
            let raw = linked_id(members).or_else(|| members.object(RELATED).and_then(|link| link.get("taskId")));
            if let Some(raw) = raw
                && let Some(handle) = decode_string(raw)
                && let Some(task) = self.handles.find(self.agent, Runner::Server, &handle)
                && task.server == *self.server
            {
                patch.replace(raw, quote(&task.id));
            }
        })
    }
}

fn linked_id<'t>(members: &RawObject<'t>) -> Option<&'t str> {
    members.object("_meta").and_then(|meta| meta.object(RELATED)).and_then(|link| link.get("taskId"))
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

    fn handles(per_agent: usize) -> TaskHandles {
        TaskHandles::new(Arc::new(Counter(AtomicU8::new(1))), per_agent)
    }

    fn task(agent: &str, id: &str) -> Task {
        Task { agent: agent.parse().unwrap(), server: "s".parse().unwrap(), runner: Runner::Server, id: id.into() }
    }

    #[test]
    fn a_handle_leads_its_own_agent_to_its_own_runner_only() {
        let handles = handles(8);
        let handle = handles.handle(task("a", "1"));
        assert_eq!(handle, handles.handle(task("a", "1")));
        assert_ne!(handle, handles.handle(task("b", "1")));
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert_eq!(handles.find(&a, Runner::Server, &handle).unwrap().id, "1");
        assert_eq!(handles.find(&b, Runner::Server, &handle), None);
        assert_eq!(handles.find(&a, Runner::Client, &handle), None);
        assert_eq!(handles.find(&a, Runner::Server, "1"), None);
        handles.remove_agent(&a);
        assert_eq!(handles.find(&a, Runner::Server, &handle), None);
    }

    #[test]
    fn an_agent_with_too_many_tasks_loses_its_own_oldest() {
        let handles = handles(2);
        let other = handles.handle(task("b", "x"));
        let own: Vec<_> = ["1", "2", "3"].map(|id| handles.handle(task("a", id))).into();
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert_eq!(handles.find(&a, Runner::Server, &own[0]), None);
        assert!(handles.find(&a, Runner::Server, &own[1]).is_some());
        assert!(handles.find(&b, Runner::Server, &other).is_some());
    }

    #[test]
    fn only_task_ids_are_replaced() {
        let handles = handles(8);
        let (agent, server) = ("a".parse().unwrap(), "s".parse().unwrap());
        let ids = TaskIds { handles: &handles, agent: &agent, server: &server };
        let text = r#"{"taskId":"t","structuredContent":{"taskId":"t"}, "_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}"#;
        let handle = handles.handle(task("a", "t"));
        let change = |is_task| {
            let mut patch = Patch::new(text);
            ids.to_handles(Runner::Server, is_task, &RawObject::parse(text).unwrap(), &mut patch);
            patch.finish().unwrap()
        };
        let link = format!(r#""io.modelcontextprotocol/related-task":{{"taskId":"{handle}"}}"#);
        let top = format!(r#"{{"taskId":"{handle}","structuredContent":{{"taskId":"t"}}, "_meta":{{{link}}}}}"#);
        assert_eq!(change(true), top);
        assert!(change(false).starts_with(r#"{"taskId":"t","structuredContent":{"taskId":"t"}, "#));
        let back = ids.to_linked_id(&Bytes::from(change(false)));
        assert_eq!(back, text);
        let meta = Bytes::from(format!("{{{link}}}"));
        assert_eq!(ids.to_linked_id(&meta), r#"{"io.modelcontextprotocol/related-task":{"taskId":"t"}}"#);
    }
}
