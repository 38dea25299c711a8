//! Background tasks: which call made each, so that what comes of a task later is held to what that call was held to.
//!
//! A task's id is its server's word and means nothing but together with the agent whose call made it. Invariant: a task that
//! is not in the book does not exist; one that is has its tool's labels, output schema and pin, and what changes it — an
//! answer to its questions, its cancellation — is decided like the call itself.

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

use crate::{active_authority::ActiveAuthority, tools::Tool};

/// Tasks of one agent that are remembered; then the oldest goes, as its handle does.
const TASKS: usize = 1024;
/// Bytes that one agent's tasks may hold together.
const BYTES: usize = 8 << 20;
/// The longest id of a task, and the longest key of a question.
const ID: usize = 4096;
/// Questions of one task that are remembered.
const QUESTIONS: usize = 64;

const RELATED: &str = "io.modelcontextprotocol/related-task";

/// The call that made a task.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) server: ServerId,
    /// The server's id for the task.
    pub(crate) id: String,
    /// The call, its arguments in their canonical form.
    pub(crate) operation: Operation,
    pub(crate) pin: Digest,
    pub(crate) class: Class,
    pub(crate) tool: Option<Arc<Tool>>,
    pub(crate) labels: Labels,
    pub(crate) private_arguments: bool,
    /// The authority's version under which a person allowed the call, if one was asked.
    pub(crate) approved_under: Option<u64>,
    /// Digests of the questions that the agent's side was allowed to see, by their keys.
    pub(crate) questions: Mutex<Questions>,
}

/// Questions by their keys.
pub(crate) type Questions = BTreeMap<String, Digest>;

/// What is done with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Look at its state (which may hold its result).
    Look,
    /// Fetch its result.
    Fetch,
    /// Answer its questions.
    Answer,
    /// End it.
    Cancel,
}

impl Act {
    /// What a method does with a task; `None` when it is about something else.
    pub(crate) fn of(operation: &Operation) -> Option<Self> {
        let Operation::FollowUp { method, .. } = operation else { return None };
        match method {
            FollowUp::GetTask => Some(Self::Look),
            FollowUp::TaskResult => Some(Self::Fetch),
            FollowUp::UpdateTask => Some(Self::Answer),
            FollowUp::CancelTask => Some(Self::Cancel),
            FollowUp::Subscribe | FollowUp::Unsubscribe | FollowUp::SetLogLevel => None,
        }
    }

    /// Whether it changes the task: then it is decided like the call that made it.
    pub(crate) const fn changes(self) -> bool {
        matches!(self, Self::Answer | Self::Cancel)
    }
}

impl Made {
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

    /// The digest of the arguments, as grants of a session see them.
    pub(crate) fn exact(&self) -> Digest {
        Digest::sha256(&canonical(&self.arguments()))
    }

    /// How answers about the task are checked.
    pub(crate) fn shape(&self, act: Act) -> MessageShape<'_> {
        match (&self.operation, act) {
            (Operation::CallTool { .. }, Act::Fetch) => MessageShape::ToolResult(self.output()),
            (Operation::CallTool { .. }, _) => MessageShape::Task(self.output()),
            _ => MessageShape::Task(None),
        }
    }

    fn output(&self) -> Option<&briefcase_schema::Schema> {
        self.tool.as_ref().and_then(|tool| tool.output())
    }

    /// Whether the tool is still accepted; where something is sent to it, exactly as it was.
    pub(crate) fn still_accepted(&self, authority: &ActiveAuthority, act: Act) -> bool {
        let Operation::CallTool { tool, .. } = &self.operation else { return true };
        let pin = authority.document().pin(&self.server, tool);
        pin.is_some_and(|pin| act != Act::Answer || pin.digest == self.pin)
    }

    /// Takes out of `params` what no question asked for and what has no place there.
    pub(crate) fn keep_asked(&self, act: Act, params: &mut Value) {
        let Some(members) = params.as_object_mut() else { return };
        members.retain(|name, _| name == "taskId" || (act == Act::Answer && name == "inputResponses"));
        let known = self.questions();
        if let Some(responses) = members.get_mut("inputResponses").and_then(Value::as_object_mut) {
            responses.retain(|key, _| known.contains_key(key));
        }
    }

    /// Whether this very question was allowed before.
    pub(crate) fn knows(&self, key: &str, question: Digest) -> bool {
        self.questions().get(key) == Some(&question)
    }

    /// Notes questions that were allowed.
    pub(crate) fn note(&self, allowed: Questions) {
        let mut known = self.questions();
        known.extend(allowed);
        while known.len() > QUESTIONS {
            known.pop_first();
        }
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
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

/// Every task that the engine knows.
#[derive(Default)]
pub(crate) struct TaskBook(Mutex<HashMap<AgentId, VecDeque<Arc<Made>>>>);

impl TaskBook {
    /// Remembers a task of an agent. An id that its server uses again keeps what its older task was labelled with.
    pub(crate) fn remember(&self, agent: &AgentId, mut made: Made, is_agent: impl Fn(&AgentId) -> bool) {
        if made.id.len() > ID {
            return;
        }
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.retain(|agent, _| is_agent(agent));
        let tasks = book.entry(agent.clone()).or_default();
        if let Some(place) = tasks.iter().position(|old| old.server == made.server && old.id == made.id)
            && let Some(old) = tasks.remove(place)
        {
            made.labels = made.labels.union(old.labels);
            made.private_arguments |= old.private_arguments;
        }
        tasks.push_back(Arc::new(made));
        let mut bytes = tasks.iter().fold(0, |sum: usize, task| sum.saturating_add(task.size()));
        while tasks.len() > TASKS || (bytes > BYTES && tasks.len() > 1) {
            bytes = bytes.saturating_sub(tasks.pop_front().map_or(0, |task| task.size()));
        }
    }

    /// The task of this agent at this server.
    pub(crate) fn find(&self, agent: &AgentId, server: &ServerId, id: &str) -> Option<Arc<Made>> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.get(agent)?.iter().rev().find(|made| made.server == *server && made.id == id).cloned()
    }

    /// The task that `params` of `tasks/…` name.
    pub(crate) fn named(&self, agent: &AgentId, server: &ServerId, operation: &Operation) -> Option<Arc<Made>> {
        let (Operation::FollowUp { params, .. }, Some(_)) = (operation, Act::of(operation)) else { return None };
        let params: Value = serde_json::from_slice(params).ok()?;
        self.find(agent, server, params.get("taskId")?.as_str()?)
    }

    /// The labels of the tasks that a message of a server is about.
    pub(crate) fn labels_of(&self, agent: &AgentId, server: &ServerId, raw: &[u8]) -> Labels {
        if !mentions(raw, b"taskId") {
            return Labels::NONE;
        }
        let Ok(message) = serde_json::from_slice::<Value>(raw) else { return Labels::NONE };
        let link = message.get("_meta").and_then(|meta| meta.get(RELATED));
        let places = [Some(&message), message.get("task"), link];
        let ids = places.into_iter().flatten().filter_map(|place| place.get("taskId")?.as_str());
        ids.filter_map(|id| self.find(agent, server, id)).fold(Labels::NONE, |all, made| all.union(made.labels))
    }
}

/// The id of the task that a call was answered with.
pub(crate) fn created(result: &Bytes) -> Option<String> {
    if !mentions(result, b"taskId") {
        return None;
    }
    let result: Value = serde_json::from_slice(result).ok()?;
    let itself = (result.get("resultType").and_then(Value::as_str) == Some("task")).then_some(&result);
    let task = result.get("task").or(itself)?;
    task.get("taskId")?.as_str().map(str::to_owned)
}

/// Whether a member of this name may be in the text, spelled out or by an escape.
fn mentions(raw: &[u8], name: &[u8]) -> bool {
    let holds = |mark: &[u8]| raw.windows(mark.len()).any(|window| window == mark);
    holds(name) || holds(br"\u")
}

/// Whether so many questions with such keys can be remembered.
pub(crate) fn can_note(questions: &Questions) -> bool {
    questions.len() <= QUESTIONS && questions.keys().all(|key| key.len() <= ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(id: &str, labels: Labels) -> Made {
        Made {
            server: "s".parse().unwrap(),
            id: id.to_owned(),
            operation: Operation::CallTool { tool: "t".parse().unwrap(), arguments: Bytes::from_static(b"{}") },
            pin: Digest::sha256(b"pin"),
            class: Class::Write,
            tool: None,
            labels,
            private_arguments: false,
            approved_under: None,
            questions: Mutex::default(),
        }
    }

    #[test]
    fn a_task_is_its_agents_and_an_id_used_again_keeps_its_labels() {
        use briefcase_policy::label::Label;
        let (book, server) = (TaskBook::default(), "s".parse().unwrap());
        let (a, b): (AgentId, AgentId) = ("a".parse().unwrap(), "b".parse().unwrap());
        book.remember(&a, made("1", Labels::NONE.with(Label::PrivateData)), |_| true);
        book.remember(&a, made("1", Labels::NONE.with(Label::UntrustedContent)), |_| true);
        let both = Labels::NONE.with(Label::PrivateData).with(Label::UntrustedContent);
        assert_eq!(book.find(&a, &server, "1").unwrap().labels, both);
        assert!(book.find(&b, &server, "1").is_none() && book.find(&a, &server, "2").is_none());
        let about = br#"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}}"#;
        assert_eq!(book.labels_of(&a, &server, about), both);
        assert_eq!(book.labels_of(&a, &server, br#"{"task\u0049d":"1"}"#), both);
        assert_eq!(book.labels_of(&b, &server, about), Labels::NONE);
        book.remember(&b, made("1", Labels::NONE), |agent| *agent != a);
        assert!(book.find(&a, &server, "1").is_none(), "a removed agent's tasks are gone");
    }

    #[test]
    fn the_book_is_bounded_for_each_agent() {
        let (book, server) = (TaskBook::default(), "s".parse().unwrap());
        let (a, b): (AgentId, AgentId) = ("a".parse().unwrap(), "b".parse().unwrap());
        book.remember(&b, made("kept", Labels::NONE), |_| true);
        for number in 0..=TASKS {
            book.remember(&a, made(&number.to_string(), Labels::NONE), |_| true);
        }
        assert!(book.find(&a, &server, "0").is_none() && book.find(&a, &server, "1").is_some());
        let large = |id: &str| {
            let arguments = Bytes::from(format!("\"{}\"", "x".repeat(BYTES / 2)));
            Made { operation: Operation::CallTool { tool: "t".parse().unwrap(), arguments }, ..made(id, Labels::NONE) }
        };
        book.remember(&a, large("x"), |_| true);
        book.remember(&a, large("y"), |_| true);
        assert!(book.find(&a, &server, "x").is_none() && book.find(&a, &server, "y").is_some());
        assert!(book.find(&b, &server, "kept").is_some());
        book.remember(&a, made(&"x".repeat(ID + 1), Labels::NONE), |_| true);
        assert!(book.find(&a, &server, &"x".repeat(ID + 1)).is_none());
    }
}
