//! Task ids towards agents.
//!
//! A server's task id could be guessed, or be the same as another server's. What agents hold instead is a handle: it
//! belongs to one agent and leads to one server. Tasks that a client runs for a server get handles the same way, in the
//! other direction.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use briefcase_types::{AgentId, Entropy, ServerId};
use bytes::Bytes;

use crate::{
    handle,
    splice::{Draft, Members, quoted, string},
};

/// The `_meta` member that links a message to a task (2025-11-25).
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// Who runs a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Runner {
    /// The server, for the agent.
    Server,
    /// The agent's client, for the server.
    Client,
}

/// Where a task really is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub(crate) agent: AgentId,
    pub(crate) server: ServerId,
    pub(crate) runner: Runner,
    /// The id its runner gave it.
    pub(crate) id: String,
}

/// All task handles.
pub(crate) struct Tasks {
    entropy: Arc<dyn Entropy>,
    per_agent: usize,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    by_handle: HashMap<Box<str>, Task>,
    by_task: HashMap<Task, Box<str>>,
    /// Each agent's handles, oldest first.
    order: HashMap<AgentId, VecDeque<Box<str>>>,
}

impl Tasks {
    pub(crate) fn new(entropy: Arc<dyn Entropy>, per_agent: usize) -> Self {
        Self { entropy, per_agent, book: Mutex::default() }
    }

    /// The handle of a task: the same one each time. An agent's oldest handle goes when it has too many.
    pub(crate) fn handle(&self, task: Task) -> Box<str> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let book = &mut *book;
        if let Some(handle) = book.by_task.get(&task) {
            return handle.clone();
        }
        let handle = handle::draw(&*self.entropy);
        let order = book.order.entry(task.agent.clone()).or_default();
        order.push_back(handle.clone());
        if order.len() > self.per_agent
            && let Some(old) = order.pop_front()
            && let Some(task) = book.by_handle.remove(&old)
        {
            book.by_task.remove(&task);
        }
        book.by_handle.insert(handle.clone(), task.clone());
        book.by_task.insert(task, handle.clone());
        handle
    }

    /// The task behind an agent's handle. Another agent's handle is as unknown as any text.
    pub(crate) fn find(&self, agent: &AgentId, runner: Runner, handle: &str) -> Option<Task> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.by_handle.get(handle).filter(|task| task.agent == *agent && task.runner == runner).cloned()
    }

    /// Forgets what an agent held.
    pub(crate) fn forget(&self, agent: &AgentId) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.order.remove(agent);
        book.by_handle.retain(|_, task| task.agent != *agent);
        book.by_task.retain(|task, _| task.agent != *agent);
    }
}

/// One side of the translation.
pub(crate) struct TaskIds<'a> {
    pub(crate) tasks: &'a Tasks,
    pub(crate) agent: &'a AgentId,
    pub(crate) server: &'a ServerId,
}

impl TaskIds<'_> {
    /// Puts handles in the place of ids in an object of the runner: `task.taskId` and the link in `_meta`, and `taskId`
    /// itself where the object is a task.
    pub(crate) fn hide<'t>(&self, runner: Runner, is_task: bool, members: &Members<'t>, draft: &mut Draft<'t>) {
        let places = [
            is_task.then(|| members.get("taskId")).flatten(),
            members.object("task").and_then(|task| task.get("taskId")),
        ];
        for place in places.into_iter().flatten() {
            self.hide_one(runner, place, draft);
        }
        if let Some(link) = link(members) {
            self.hide_one(Runner::Server, link, draft);
        }
    }

    fn hide_one<'t>(&self, runner: Runner, place: &'t str, draft: &mut Draft<'t>) {
        if let Some(id) = string(place) {
            let task = Task { agent: self.agent.clone(), server: self.server.clone(), runner, id };
            draft.replace(place, quoted(&self.tasks.handle(task)));
        }
    }

    /// Puts the server's id in the place of the handle in a `_meta` link of the client.
    pub(crate) fn show_link(&self, object: &Bytes) -> Bytes {
        let Ok(text) = std::str::from_utf8(object) else { return object.clone() };
        let Some(members) = Members::of(text) else { return object.clone() };
        let mut draft = Draft::new(text);
        // The object is either something with a `_meta`, or a `_meta` itself.
        let place = link(&members).or_else(|| members.object(RELATED).and_then(|link| link.get("taskId")));
        if let Some(place) = place
            && let Some(handle) = string(place)
            && let Some(task) = self.tasks.find(self.agent, Runner::Server, &handle)
            && task.server == *self.server
        {
            draft.replace(place, quoted(&task.id));
        }
        draft.finish_or(object)
    }
}

fn link<'t>(members: &Members<'t>) -> Option<&'t str> {
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

    fn tasks(per_agent: usize) -> Tasks {
        Tasks::new(Arc::new(Counter(AtomicU8::new(1))), per_agent)
    }

    fn task(agent: &str, id: &str) -> Task {
        Task { agent: agent.parse().unwrap(), server: "s".parse().unwrap(), runner: Runner::Server, id: id.into() }
    }

    #[test]
    fn a_handle_leads_its_own_agent_to_its_own_runner_only() {
        let tasks = tasks(8);
        let handle = tasks.handle(task("a", "1"));
        assert_eq!(handle, tasks.handle(task("a", "1")));
        assert_ne!(handle, tasks.handle(task("b", "1")));
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert_eq!(tasks.find(&a, Runner::Server, &handle).unwrap().id, "1");
        assert_eq!(tasks.find(&b, Runner::Server, &handle), None);
        assert_eq!(tasks.find(&a, Runner::Client, &handle), None);
        assert_eq!(tasks.find(&a, Runner::Server, "1"), None);
        tasks.forget(&a);
        assert_eq!(tasks.find(&a, Runner::Server, &handle), None);
    }

    #[test]
    fn an_agent_with_too_many_tasks_loses_its_own_oldest() {
        let tasks = tasks(2);
        let other = tasks.handle(task("b", "x"));
        let handles: Vec<_> = ["1", "2", "3"].map(|id| tasks.handle(task("a", id))).into();
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert_eq!(tasks.find(&a, Runner::Server, &handles[0]), None);
        assert!(tasks.find(&a, Runner::Server, &handles[1]).is_some());
        assert!(tasks.find(&b, Runner::Server, &other).is_some());
    }

    #[test]
    fn ids_change_in_their_places_and_nowhere_else() {
        let tasks = tasks(8);
        let (agent, server) = ("a".parse().unwrap(), "s".parse().unwrap());
        let ids = TaskIds { tasks: &tasks, agent: &agent, server: &server };
        let text = r#"{"taskId":"t","structuredContent":{"taskId":"t"}, "_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}"#;
        let handle = tasks.handle(task("a", "t"));
        let change = |is_task| {
            let mut draft = Draft::new(text);
            ids.hide(Runner::Server, is_task, &Members::of(text).unwrap(), &mut draft);
            draft.finish()
        };
        let link = format!(r#""io.modelcontextprotocol/related-task":{{"taskId":"{handle}"}}"#);
        let top = format!(r#"{{"taskId":"{handle}","structuredContent":{{"taskId":"t"}}, "_meta":{{{link}}}}}"#);
        assert_eq!(change(true), top);
        assert!(change(false).starts_with(r#"{"taskId":"t","structuredContent":{"taskId":"t"}, "#));
        let back = ids.show_link(&Bytes::from(change(false)));
        assert_eq!(back, text);
        let meta = Bytes::from(format!("{{{link}}}"));
        assert_eq!(ids.show_link(&meta), r#"{"io.modelcontextprotocol/related-task":{"taskId":"t"}}"#);
    }
}
