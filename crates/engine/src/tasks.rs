//! Background tasks: the registry of the calls that created them, so that later requests about a task obey the same rules.
//!
//! A task's id is chosen by its server. It identifies a task only together with the agent whose call created the task.
//!
//! Invariant: a task that is not in the registry does not exist. A registered task has its tool's labels, output schema and
//! pin. A request that changes it (input, cancellation) is authorized like the call itself.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use briefcase_json::canonical;
use briefcase_output_filter::MessageShape;
use briefcase_policy::{authority::Class, label::Labels};
use briefcase_ports::{FollowUp, Operation};
use briefcase_types::{AgentId, Digest, ServerId};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{active_authority::ActiveAuthority, approvals, tools::Tool};

/// Registered tasks of one agent. Beyond that, the oldest is removed, as its handle is.
const TASKS: usize = 1024;
/// Bytes that one agent's tasks may use together.
const BYTES: usize = 8 << 20;
/// The longest id of a task, and the longest key of an input request, in bytes.
const ID: usize = 4096;
/// Registered input requests of one task.
const QUESTIONS: usize = 64;

const RELATED: &str = "io.modelcontextprotocol/related-task";

/// A task, and the call that created it.
#[derive(Debug)]
pub(crate) struct TaskRecord {
    pub(crate) server: ServerId,
    /// The server's id of the task.
    pub(crate) id: String,
    /// The call, with canonical arguments.
    pub(crate) operation: Operation,
    pub(crate) pin: Digest,
    pub(crate) class: Class,
    pub(crate) tool: Option<Arc<Tool>>,
    pub(crate) labels: Labels,
    pub(crate) private_arguments: bool,
    /// The members beside the arguments, as canonical JSON.
    pub(crate) beside: Option<String>,
    /// The authority's version under which a person approved the call, if one did.
    pub(crate) approved_under: Option<u64>,
    /// Digests of the input requests that were passed to the client, by their keys.
    pub(crate) questions: Mutex<InputRequests>,
}

/// Digests of input requests by their keys.
pub(crate) type InputRequests = BTreeMap<String, Digest>;

/// The action of a request about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskAction {
    /// Reads the task's state, which may include its result.
    Look,
    /// Reads the task's result.
    Fetch,
    /// Sends the input that the task requested.
    Answer,
    /// Cancels the task.
    Cancel,
}

impl TaskAction {
    /// The action of an operation; `None` when the operation is not about a task.
    pub(crate) fn of(operation: &Operation) -> Option<Self> {
        let Operation::FollowUp { method, .. } = operation else { return None };
        match method {
            FollowUp::GetTask => Some(Self::Look),
            FollowUp::TaskResult => Some(Self::Fetch),
            FollowUp::UpdateTask => Some(Self::Answer),
            FollowUp::CancelTask => Some(Self::Cancel),
            FollowUp::Subscribe | FollowUp::Unsubscribe => None,
        }
    }

    /// Whether the action changes the task. It is then authorized like the call that created the task.
    pub(crate) const fn changes(self) -> bool {
        matches!(self, Self::Answer | Self::Cancel)
    }
}

impl TaskRecord {
    /// The arguments of the call, as policies see them.
    pub(crate) fn arguments(&self) -> Value {
        match &self.operation {
            Operation::CallTool { arguments, .. } | Operation::GetPrompt { arguments, .. } => {
                serde_json::from_slice(arguments).unwrap_or_default()
            }
            Operation::ReadResource { uri } => json!({ "uri": uri }),
            Operation::Complete { .. } | Operation::FollowUp { .. } => Value::Null,
        }
    }

    /// The digest of the arguments and the members beside them, as session grants use it.
    pub(crate) fn exact(&self) -> Digest {
        approvals::exact(&canonical(&self.arguments()), self.beside.as_deref())
    }

    /// The shape that replies about the task are checked against.
    pub(crate) fn shape(&self, act: TaskAction) -> MessageShape<'_> {
        match (&self.operation, act) {
            (Operation::CallTool { .. }, TaskAction::Fetch) => MessageShape::ToolResult(self.output()),
            (Operation::CallTool { .. }, _) => MessageShape::Task(self.output()),
            _ => MessageShape::Task(None),
        }
    }

    fn output(&self) -> Option<&briefcase_schema::Schema> {
        self.tool.as_ref().and_then(|tool| tool.output())
    }

    /// Whether the tool is still accepted. An action that sends input requires the same definition.
    pub(crate) fn still_accepted(&self, authority: &ActiveAuthority, act: TaskAction) -> bool {
        let Operation::CallTool { tool, .. } = &self.operation else { return true };
        let pin = authority.document().pin(&self.server, tool);
        pin.is_some_and(|pin| act != TaskAction::Answer || pin.digest == self.pin)
    }

    /// Removes members and input responses from `params` that no input request asked for.
    pub(crate) fn keep_asked(&self, act: TaskAction, params: &mut Value) {
        let Some(members) = params.as_object_mut() else { return };
        members.retain(|name, _| name == "taskId" || (act == TaskAction::Answer && name == "inputResponses"));
        let known = self.questions();
        if let Some(responses) = members.get_mut("inputResponses").and_then(Value::as_object_mut) {
            responses.retain(|key, _| known.contains_key(key));
        }
    }

    /// Whether this very input request was allowed before.
    pub(crate) fn knows(&self, key: &str, question: Digest) -> bool {
        self.questions().get(key) == Some(&question)
    }

    /// Registers input requests that were allowed.
    pub(crate) fn note(&self, allowed: InputRequests) {
        let mut known = self.questions();
        known.extend(allowed);
        while known.len() > QUESTIONS {
            known.pop_first();
        }
    }

    fn questions(&self) -> MutexGuard<'_, InputRequests> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn size(&self) -> usize {
        let arguments = match &self.operation {
            Operation::CallTool { arguments, .. } | Operation::GetPrompt { arguments, .. } => arguments.len(),
            Operation::ReadResource { uri } => uri.len(),
            Operation::Complete { .. } | Operation::FollowUp { .. } => 0,
        };
        arguments.saturating_add(self.id.len())
    }
}

/// All registered tasks.
#[derive(Default)]
pub(crate) struct TaskRegistry(Mutex<HashMap<AgentId, VecDeque<Arc<TaskRecord>>>>);

impl TaskRegistry {
    /// Registers a task of an agent. When a server reuses an id, the labels of the older task are kept.
    pub(crate) fn remember(&self, agent: &AgentId, mut task: TaskRecord, is_agent: impl Fn(&AgentId) -> bool) {
        if task.id.len() > ID {
            return;
        }
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.retain(|agent, _| is_agent(agent));
        let tasks = book.entry(agent.clone()).or_default();
        if let Some(place) = tasks.iter().position(|old| old.server == task.server && old.id == task.id)
            && let Some(old) = tasks.remove(place)
        {
            task.labels = task.labels.union(old.labels);
            task.private_arguments |= old.private_arguments;
        }
        tasks.push_back(Arc::new(task));
        let mut bytes = tasks.iter().fold(0, |sum: usize, task| sum.saturating_add(task.size()));
        while tasks.len() > TASKS || (bytes > BYTES && tasks.len() > 1) {
            bytes = bytes.saturating_sub(tasks.pop_front().map_or(0, |task| task.size()));
        }
    }

    /// The agent's task with this id at this server.
    pub(crate) fn find(&self, agent: &AgentId, server: &ServerId, id: &str) -> Option<Arc<TaskRecord>> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.get(agent)?.iter().rev().find(|task| task.server == *server && task.id == id).cloned()
    }

    /// The task that the `params` of a `tasks/…` request name.
    pub(crate) fn named(&self, agent: &AgentId, server: &ServerId, operation: &Operation) -> Option<Arc<TaskRecord>> {
        let (Operation::FollowUp { params, .. }, Some(_)) = (operation, TaskAction::of(operation)) else { return None };
        let params: Value = serde_json::from_slice(params).ok()?;
        self.find(agent, server, params.get("taskId")?.as_str()?)
    }

    /// The labels of the tasks that a server's message is about.
    pub(crate) fn labels_of(&self, agent: &AgentId, server: &ServerId, raw: &[u8]) -> Labels {
        if !mentions(raw, b"taskId") {
            return Labels::NONE;
        }
        let Ok(message) = serde_json::from_slice::<Value>(raw) else { return Labels::NONE };
        let link = message.get("_meta").and_then(|meta| meta.get(RELATED));
        let places = [Some(&message), message.get("task"), link];
        let ids = places.into_iter().flatten().filter_map(|place| place.get("taskId")?.as_str());
        ids.filter_map(|id| self.find(agent, server, id)).fold(Labels::NONE, |all, task| all.union(task.labels))
    }
}

/// The id of the task that a reply creates.
pub(crate) fn created(result: &Bytes) -> Option<String> {
    if !mentions(result, b"taskId") {
        return None;
    }
    let result: Value = serde_json::from_slice(result).ok()?;
    let itself = (result.get("resultType").and_then(Value::as_str) == Some("task")).then_some(&result);
    let task = result.get("task").or(itself)?;
    task.get("taskId")?.as_str().map(str::to_owned)
}

/// Whether the text may have a member of this name, spelled out or by an escape.
fn mentions(raw: &[u8], name: &[u8]) -> bool {
    let holds = |mark: &[u8]| raw.windows(mark.len()).any(|window| window == mark);
    holds(name) || holds(br"\u")
}

/// Whether these input requests are within the registry's limits.
pub(crate) fn can_note(questions: &InputRequests) -> bool {
    questions.len() <= QUESTIONS && questions.keys().all(|key| key.len() <= ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, labels: Labels) -> TaskRecord {
        TaskRecord {
            server: "s".parse().unwrap(),
            id: id.to_owned(),
            operation: Operation::CallTool { tool: "t".parse().unwrap(), arguments: Bytes::from_static(b"{}") },
            pin: Digest::sha256(b"pin"),
            class: Class::Write,
            tool: None,
            labels,
            private_arguments: false,
            beside: None,
            approved_under: None,
            questions: Mutex::default(),
        }
    }

    #[test]
    fn a_task_is_its_agents_and_an_id_used_again_keeps_its_labels() {
        use briefcase_policy::label::Label;
        let (book, server) = (TaskRegistry::default(), "s".parse().unwrap());
        let (a, b): (AgentId, AgentId) = ("a".parse().unwrap(), "b".parse().unwrap());
        book.remember(&a, task("1", Labels::NONE.with(Label::PrivateData)), |_| true);
        book.remember(&a, task("1", Labels::NONE.with(Label::UntrustedContent)), |_| true);
        let both = Labels::NONE.with(Label::PrivateData).with(Label::UntrustedContent);
        assert_eq!(book.find(&a, &server, "1").unwrap().labels, both);
        assert!(book.find(&b, &server, "1").is_none() && book.find(&a, &server, "2").is_none());
        let about = br#"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}}"#;
        assert_eq!(book.labels_of(&a, &server, about), both);
        assert_eq!(book.labels_of(&a, &server, br#"{"task\u0049d":"1"}"#), both);
        assert_eq!(book.labels_of(&b, &server, about), Labels::NONE);
        book.remember(&b, task("1", Labels::NONE), |agent| *agent != a);
        assert!(book.find(&a, &server, "1").is_none(), "a removed agent's tasks are gone");
    }

    #[test]
    fn the_book_is_bounded_for_each_agent() {
        let (book, server) = (TaskRegistry::default(), "s".parse().unwrap());
        let (a, b): (AgentId, AgentId) = ("a".parse().unwrap(), "b".parse().unwrap());
        book.remember(&b, task("kept", Labels::NONE), |_| true);
        for number in 0..=TASKS {
            book.remember(&a, task(&number.to_string(), Labels::NONE), |_| true);
        }
        assert!(book.find(&a, &server, "0").is_none() && book.find(&a, &server, "1").is_some());
        let large = |id: &str| {
            let arguments = Bytes::from(format!("\"{}\"", "x".repeat(BYTES / 2)));
            TaskRecord {
                operation: Operation::CallTool { tool: "t".parse().unwrap(), arguments },
                ..task(id, Labels::NONE)
            }
        };
        book.remember(&a, large("x"), |_| true);
        book.remember(&a, large("y"), |_| true);
        assert!(book.find(&a, &server, "x").is_none() && book.find(&a, &server, "y").is_some());
        assert!(book.find(&b, &server, "kept").is_some());
        book.remember(&a, task(&"x".repeat(ID + 1), Labels::NONE), |_| true);
        assert!(book.find(&a, &server, &"x".repeat(ID + 1)).is_none());
    }
}
