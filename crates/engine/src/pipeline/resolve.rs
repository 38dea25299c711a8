//! resolve: the agent, the server and the accepted definition of a call.

use std::sync::Arc;

use briefcase_policy::{
    authority::{Class, Pin, Server},
    label::Labels,
    pin::Quarantine,
};
use briefcase_types::{Digest, Refusal, RefusalCode, ToolName, text};

use super::{CallContext, CallRejection, rejection::unrecorded};
use briefcase_ports::Operation;

use crate::{
    Engine,
    active_authority::ActiveAuthority,
    call::Call,
    tasks::{TaskAction, TaskRecord},
    tools::Tool,
};

/// The longest own name of a tool that a request for an approval shows, in bytes.
const OWN_NAME_SHOWN: usize = 200;

/// A call whose target exists, is enabled, and is the one that a person accepted.
#[derive(Debug)]
pub struct Resolved {
    pub(super) context: CallContext,
    pub(super) call: Call,
    pub(super) target: CallTarget,
}

/// The target of a call.
#[derive(Debug)]
pub struct CallTarget {
    pub(super) authority: Arc<ActiveAuthority>,
    pub(super) pin: Digest,
    pub(super) class: Class,
    pub(super) cost: Option<briefcase_types::Money>,
    pub(super) tool: Option<Arc<Tool>>,
    pub(super) labels: Labels,
    pub(super) private_arguments: bool,
    /// The task that the call is about.
    pub(super) task: Option<Arc<TaskRecord>>,
}

/// The first stage.
pub async fn resolve(engine: &Engine, context: CallContext, call: Call) -> Result<Resolved, CallRejection> {
    let authority = engine.authority();
    let version = authority.version();
    let document = authority.document();
    if call.session.is_closed() || !authority.may_connect(&call.session.agent) {
        return Err(CallRejection::new(version, revoked()));
    }
    let server = document.servers.get(&call.request.connection.server).filter(|server| server.enabled);
    let Some(server) = server else {
        return Err(CallRejection::new(version, no_such_server(call.request.connection.server.as_str())));
    };
    let target = match &call.request.operation {
        Operation::CallTool { tool, .. } => {
            let tool = tool.clone();
            accepted_tool(engine, &call, &authority, server, &tool)
                .await
                .map_err(|refusal| CallRejection::new(version, refusal))?
        }
        operation => match TaskAction::of(operation) {
            Some(act) => resolve_task(engine, &call, act, &authority, server)
                .await
                .map_err(|refusal| CallRejection::new(version, refusal))?,
            None => CallTarget::of_server(&authority, server, operation),
        },
    };
    // The server decides how long its list takes, so revocations in the meantime count.
    let now = engine.authority();
    if call.session.is_closed() || !now.may_connect(&call.session.agent) {
        return Err(CallRejection::new(now.version(), revoked()));
    }
    if !target.still_accepted(&call, &now) {
        return Err(CallRejection::new(now.version(), changed_meanwhile()));
    }
    let target = if now.version() == version { target } else { target.under(now) };
    Ok(Resolved { context, call, target })
}

impl CallTarget {
    /// The same target, under an authority that came into force meanwhile.
    fn under(self, authority: Arc<ActiveAuthority>) -> Self {
        Self { authority, ..self }
    }

    /// Takes over what a later authority says about the same target.
    pub(super) fn refresh(&mut self, call: &Call, authority: Arc<ActiveAuthority>) {
        let tool = self.tool_of(call).cloned();
        if let Some(server) = authority.document().servers.get(&call.request.connection.server) {
            let fresh = Self::of_server(&authority, server, &call.request.operation);
            let pin = tool.and_then(|tool| server.pins.get(&tool));
            let changes = TaskAction::of(&call.request.operation).is_none_or(TaskAction::changes);
            let always_asks = self.task.is_none() && self.tool.as_ref().is_some_and(|tool| tool.is_unchecked());
            self.class = match pin {
                Some(_) if always_asks => Class::Unknown,
                Some(pin) if changes => pin.class,
                Some(_) => self.class,
                None if self.task.is_some() => self.class,
                None => fresh.class,
            };
            let labels = pin.map_or(Labels::NONE, |pin| pin.labels);
            self.labels = self.labels.union(fresh.labels).union(labels);
            self.private_arguments |= pin.is_some_and(|pin| pin.private_args);
        }
        self.authority = authority;
    }

    pub(crate) const fn authority(&self) -> &Arc<ActiveAuthority> {
        &self.authority
    }

    /// The server's own name for the tool, made printable, where the tool has an alias here.
    pub(super) fn own_name(&self) -> Option<String> {
        let tool = self.tool.as_ref().filter(|tool| tool.own_name() != tool.name().as_str())?;
        // Whole or by its size: a part of a secret would not be found.
        let name = tool.own_name();
        Some(if name.len() > OWN_NAME_SHOWN {
            format!("(a name of {} bytes)", name.len())
        } else {
            text::printable(name)
        })
    }

    /// The task that the call is about.
    pub(crate) fn task(&self) -> Option<&TaskRecord> {
        self.task.as_deref()
    }

    /// The tool that the call uses, itself or through its task.
    pub(super) fn tool_of<'a>(&'a self, call: &'a Call) -> Option<&'a ToolName> {
        match self.task().map_or(&call.request.operation, |task| &task.operation) {
            Operation::CallTool { tool, .. } => Some(tool),
            _ => None,
        }
    }

    /// Whether an authority that came into force meanwhile still accepts the target.
    pub(super) fn still_accepted(&self, call: &Call, now: &ActiveAuthority) -> bool {
        let task = self.task().zip(TaskAction::of(&call.request.operation));
        now.still_accepts(call, self.pin, self.cost) && task.is_none_or(|(task, act)| task.still_accepted(now, act))
    }

    fn of_server(authority: &Arc<ActiveAuthority>, server: &Server, operation: &Operation) -> Self {
        let granted = match operation {
            Operation::ReadResource { .. } => server.reads_granted.resources,
            Operation::GetPrompt { .. } | Operation::Complete { .. } => server.reads_granted.prompts,
            // A follow-up reads or ends something that was allowed before.
            Operation::FollowUp { .. } => true,
            Operation::CallTool { .. } => false,
        };
        Self {
            authority: Arc::clone(authority),
            pin: Digest::labelled("briefcase/no-pin/1", &[]),
            class: if granted { Class::Read } else { Class::Unknown },
            cost: None,
            tool: None,
            labels: server.labels,
            private_arguments: false,
            task: None,
        }
    }

    fn of_tool(authority: &Arc<ActiveAuthority>, server: &Server, pin: &Pin, tool: Arc<Tool>) -> Self {
        Self {
            authority: Arc::clone(authority),
            pin: pin.digest,
            // Without a check of the arguments, no statement about the tool says what a call does.
            class: if tool.is_unchecked() { Class::Unknown } else { pin.class },
            cost: pin.cost,
            tool: Some(tool),
            labels: server.labels.union(pin.labels),
            private_arguments: pin.private_args,
            task: None,
        }
    }

    fn of_task(authority: &Arc<ActiveAuthority>, server: &Server, act: TaskAction, task: Arc<TaskRecord>) -> Self {
        let pin = match &task.operation {
            Operation::CallTool { tool, .. } => server.pins.get(tool),
            _ => None,
        };
        let now = pin.map_or(Labels::NONE, |pin| pin.labels);
        Self {
            authority: Arc::clone(authority),
            pin: task.pin,
            class: if act.changes() { pin.map_or(task.class, |pin| pin.class) } else { Class::Read },
            cost: None,
            tool: task.tool.clone(),
            labels: server.labels.union(task.labels).union(now),
            private_arguments: task.private_arguments || pin.is_some_and(|pin| pin.private_args),
            task: Some(task),
        }
    }
}

/// Lists the server's tools now, and accepts the tool only if its definition is the pinned one.
async fn accepted_tool(
    engine: &Engine,
    call: &Call,
    authority: &Arc<ActiveAuthority>,
    server: &Server,
    name: &ToolName,
) -> Result<CallTarget, Refusal> {
    let pin = server.pins.get(name);
    let listing = engine
        .upstreams
        .list_tools(&call.request.connection)
        .await
        .map_err(|failure| engine.upstream_refusal(&call.request.connection.server, &failure))?;
    let tools = engine.tools(&call.request.connection.server, &listing);
    match (pin, tools.find(name)) {
        (Some(pin), Some(tool)) if pin.digest == tool.pin() => {
            // A refusal quotes the schema, which may have values that no person has reviewed.
            let labels = engine.unreviewed_labels(&call.request.connection.server, [&tool].into_iter());
            let labelled = engine.label_durably(&call.session.agent, &call.request.connection.server, labels).await;
            labelled.map_err(|error| unrecorded(&error))?;
            Ok(CallTarget::of_tool(authority, server, pin, tool))
        }
        (Some(_), Some(_)) => Err(tool_changed(call, name, "definition")),
        (None, Some(_)) => Err(tool_changed(call, name, "new_tool")),
        (pin, None) => Err(match (tools.quarantine(name), pin) {
            (Some(reason), _) => quarantined(call, name, reason, &engine.server_texts().text(&reason.to_string())),
            (None, Some(_)) => tool_changed(call, name, "gone"),
            (None, None) => no_such_tool(call, name),
        }),
    }
}

/// The target of a request about a task, if the task's tool is still accepted. Input goes only to an unchanged tool.
async fn resolve_task(
    engine: &Engine,
    call: &Call,
    act: TaskAction,
    authority: &Arc<ActiveAuthority>,
    server: &Server,
) -> Result<CallTarget, Refusal> {
    let task = engine.tasks.named(&call.session.agent, &call.request.connection.server, &call.request.operation);
    let task = task.ok_or_else(no_such_task)?;
    if let Operation::CallTool { tool, .. } = &task.operation {
        if !task.still_accepted(authority, act) {
            let reason = if server.pins.contains_key(tool) { "definition" } else { "withdrawn" };
            return Err(tool_changed(call, tool, reason));
        }
        if act == TaskAction::Answer {
            accepted_tool(engine, call, authority, server, tool).await?;
        }
    }
    Ok(CallTarget::of_task(authority, server, act, task))
}

/// Verifies after a wait that the tool's definition is still the pinned one.
pub(super) async fn verify_pin_again(engine: &Engine, call: &Call, target: &CallTarget) -> Result<(), Refusal> {
    let Some(tool) =
        target.tool_of(call).filter(|_| TaskAction::of(&call.request.operation) != Some(TaskAction::Cancel))
    else {
        return Ok(());
    };
    let authority = target.authority();
    let server = authority.document().servers.get(&call.request.connection.server);
    let Some(server) = server else { return Err(no_such_server(call.request.connection.server.as_str())) };
    accepted_tool(engine, call, authority, server, tool).await.map(drop)
}

fn revoked() -> Refusal {
    Refusal::new(
        RefusalCode::Revoked,
        "agent",
        "This agent's access was revoked.",
        "Ask the owner of this briefcase to add the agent again with `briefcase agent add`.",
    )
}

fn changed_meanwhile() -> Refusal {
    Refusal::new(
        RefusalCode::ToolChanged,
        "meanwhile",
        "The tool's registration changed while the call ran.",
        "Make the call again.",
    )
}

fn no_such_server(name: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Denied,
        "no_such_server",
        format!("The server `{name}` does not exist or is disabled."),
        "List servers with `briefcase server list`.",
    )
}

fn no_such_tool(call: &Call, name: &ToolName) -> Refusal {
    Refusal::new(
        RefusalCode::InvalidArgs,
        "no_such_tool",
        format!("The server `{}` has no tool `{name}`.", call.request.connection.server),
        "List the tools again.",
    )
}

fn no_such_task() -> Refusal {
    Refusal::new(
        RefusalCode::InvalidArgs,
        "no_such_task",
        "No task has this id.",
        "Use the id in the call's reply. A restart of the briefcase forgets all tasks.",
    )
}

fn tool_changed(call: &Call, name: &ToolName, reason: &'static str) -> Refusal {
    let server = &call.request.connection.server;
    let what = match reason {
        "new_tool" => "is new and not accepted yet",
        "gone" => "is no longer offered by its server",
        "withdrawn" => "is no longer accepted",
        _ => "changed its definition since a person accepted it",
    };
    Refusal::new(
        RefusalCode::ToolChanged,
        reason,
        format!("The tool `{name}` of `{server}` {what}."),
        match reason {
            "gone" => format!("List the tools again. A person can compare them: `briefcase server test {server}`."),
            _ => format!(
                "A person can review and accept the difference: `briefcase server test {server}`, then \
                 `briefcase server accept {server}`; with `--changing` if the server changes its text at each start."
            ),
        },
    )
}

fn quarantined(call: &Call, name: &ToolName, reason: &Quarantine, shown: &str) -> Refusal {
    Refusal::new(
        RefusalCode::ToolChanged,
        "quarantined",
        format!("The tool `{name}` of `{}` is quarantined: {shown}.", call.request.connection.server),
        reason.next_step(),
    )
}
