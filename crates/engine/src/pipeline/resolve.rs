//! resolve: whose call, to which server, to which accepted definition.

use std::sync::Arc;

use briefcase_policy::{
    authority::{Class, Pin, Server},
    label::Labels,
};
use briefcase_types::{Digest, Refusal, RefusalCode, ToolName};

use super::{CallContext, CallRejection};
use briefcase_ports::Operation;

use crate::{
    Engine,
    active_authority::ActiveAuthority,
    call::Call,
    tasks::{Act, Made},
    tools::Tool,
};

/// A call whose target exists, is switched on, and is what a person accepted.
#[derive(Debug)]
pub struct Resolved {
    pub(super) context: CallContext,
    pub(super) call: Call,
    pub(super) target: Target,
}

/// What the call goes to.
#[derive(Debug)]
pub struct Target {
    pub(super) authority: Arc<ActiveAuthority>,
    pub(super) pin: Digest,
    pub(super) class: Class,
    pub(super) cost: Option<briefcase_types::Money>,
    pub(super) tool: Option<Arc<Tool>>,
    pub(super) labels: Labels,
    pub(super) private_arguments: bool,
    /// The call that made the task this is about.
    pub(super) made: Option<Arc<Made>>,
}

/// First stage.
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
        operation => match Act::of(operation) {
            Some(act) => task(engine, &call, act, &authority, server)
                .await
                .map_err(|refusal| CallRejection::new(version, refusal))?,
            None => Target::of_server(&authority, server, operation),
        },
    };
    // Looking takes as long as the server likes: what was taken away meanwhile counts.
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

impl Target {
    /// The same target, as an authority has it that came into force meanwhile.
    fn under(self, authority: Arc<ActiveAuthority>) -> Self {
        Self { authority, ..self }
    }

    pub(crate) const fn authority(&self) -> &Arc<ActiveAuthority> {
        &self.authority
    }

    /// The call that made the task this is about.
    pub(crate) fn made(&self) -> Option<&Made> {
        self.made.as_deref()
    }

    /// The tool that a call is about, by itself or through its task.
    pub(super) fn tool_of<'a>(&'a self, call: &'a Call) -> Option<&'a ToolName> {
        match self.made().map_or(&call.request.operation, |made| &made.operation) {
            Operation::CallTool { tool, .. } => Some(tool),
            _ => None,
        }
    }

    /// Whether an authority that came into force meanwhile still accepts it.
    pub(super) fn still_accepted(&self, call: &Call, now: &ActiveAuthority) -> bool {
        let task = self.made().zip(Act::of(&call.request.operation));
        now.still_accepts(call, self.pin, self.cost) && task.is_none_or(|(made, act)| made.still_accepted(now, act))
    }

    fn of_server(authority: &Arc<ActiveAuthority>, server: &Server, operation: &Operation) -> Self {
        let granted = match operation {
            Operation::ReadResource { .. } => server.reads_granted.resources,
            Operation::GetPrompt { .. } | Operation::Complete { .. } => server.reads_granted.prompts,
            // What follows something that was allowed: it reads or ends it.
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
            made: None,
        }
    }

    fn of_tool(authority: &Arc<ActiveAuthority>, server: &Server, pin: &Pin, tool: Arc<Tool>) -> Self {
        Self {
            authority: Arc::clone(authority),
            pin: pin.digest,
            class: pin.class,
            cost: pin.cost,
            tool: Some(tool),
            labels: server.labels.union(pin.labels),
            private_arguments: pin.private_args,
            made: None,
        }
    }

    fn of_task(authority: &Arc<ActiveAuthority>, server: &Server, act: Act, made: Arc<Made>) -> Self {
        let pin = match &made.operation {
            Operation::CallTool { tool, .. } => server.pins.get(tool),
            _ => None,
        };
        let now = pin.map_or(Labels::NONE, |pin| pin.labels);
        Self {
            authority: Arc::clone(authority),
            pin: made.pin,
            class: if act.changes() { pin.map_or(made.class, |pin| pin.class) } else { Class::Read },
            cost: None,
            tool: made.tool.clone(),
            labels: server.labels.union(made.labels).union(now),
            private_arguments: made.private_arguments || pin.is_some_and(|pin| pin.private_args),
            made: Some(made),
        }
    }
}

/// Looks at the server's definitions now, and takes the tool only if its definition is the accepted one.
async fn accepted_tool(
    engine: &Engine,
    call: &Call,
    authority: &Arc<ActiveAuthority>,
    server: &Server,
    name: &ToolName,
) -> Result<Target, Refusal> {
    let pin = server.pins.get(name);
    let listing = engine
        .upstreams
        .list_tools(&call.request.connection)
        .await
        .map_err(|failure| engine.upstream_refusal(&failure))?;
    let tools = engine.tools(&call.request.connection.server, &listing);
    match (pin, tools.find(name)) {
        (Some(pin), Some(tool)) if pin.digest == tool.pin() => {
            if let Some(problem) = tool.unusable() {
                return Err(quarantined(name, problem));
            }
            Ok(Target::of_tool(authority, server, pin, tool))
        }
        (Some(_), Some(_)) => Err(tool_changed(call, name, "definition")),
        (None, Some(_)) => Err(tool_changed(call, name, "new_tool")),
        (pin, None) => Err(match (tools.quarantine(name), pin) {
            (Some(reason), _) => quarantined(name, &reason.to_string()),
            (None, Some(_)) => tool_changed(call, name, "gone"),
            (None, None) => no_such_tool(call, name),
        }),
    }
}

/// The call that made a task, if its tool is still accepted; an answer goes only to a tool that is what it was.
async fn task(
    engine: &Engine,
    call: &Call,
    act: Act,
    authority: &Arc<ActiveAuthority>,
    server: &Server,
) -> Result<Target, Refusal> {
    let made = engine.tasks.named(&call.session.agent, &call.request.connection.server, &call.request.operation);
    let made = made.ok_or_else(no_such_task)?;
    if let Operation::CallTool { tool, .. } = &made.operation {
        if !made.still_accepted(authority, act) {
            let reason = if server.pins.contains_key(tool) { "definition" } else { "withdrawn" };
            return Err(tool_changed(call, tool, reason));
        }
        if act == Act::Answer {
            accepted_tool(engine, call, authority, server, tool).await?;
        }
    }
    Ok(Target::of_task(authority, server, act, made))
}

/// Whether the tool's definition is still the accepted one, after a wait.
pub(super) async fn verify_pin_again(engine: &Engine, call: &Call, target: &Target) -> Result<(), Refusal> {
    let Some(tool) = target.tool_of(call).filter(|_| Act::of(&call.request.operation) != Some(Act::Cancel)) else {
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
        "This agent's access was taken away.",
        "Ask the person who runs this briefcase to add the agent again with `briefcase agent add`.",
    )
}

fn changed_meanwhile() -> Refusal {
    Refusal::new(
        RefusalCode::ToolChanged,
        "meanwhile",
        "The tool's registration was changed while the call was on its way.",
        "Make the call again.",
    )
}

fn no_such_server(name: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Denied,
        "no_such_server",
        format!("There is no server `{name}`, or it is switched off."),
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
        "There is no task with this id.",
        "Use the id that the call was answered with; tasks are forgotten when the briefcase restarts.",
    )
}

fn tool_changed(call: &Call, name: &ToolName, reason: &'static str) -> Refusal {
    let server = &call.request.connection.server;
    let what = match reason {
        "new_tool" => "is new and was not accepted yet",
        "gone" => "is no longer offered by its server",
        "withdrawn" => "is no longer accepted",
        _ => "is not the one a person accepted: its definition changed",
    };
    Refusal::new(
        RefusalCode::ToolChanged,
        reason,
        format!("The tool `{name}` of `{server}` {what}."),
        format!("A person can look at the difference and accept it: `briefcase server test {server}`."),
    )
}

fn quarantined(name: &ToolName, problem: &str) -> Refusal {
    Refusal::new(
        RefusalCode::ToolChanged,
        "quarantined",
        format!("The definition of `{name}` cannot be used safely: {problem}."),
        "Report it to the server's maker; the tool stays blocked.",
    )
}
