//! resolve: whose call, to which server, to which accepted definition.

use std::sync::Arc;

use briefcase_policy::{
    authority::{Class, Pin, Server},
    label::Labels,
};
use briefcase_types::{Digest, Refusal, RefusalCode, ToolName};

use super::{Stop, Trace};
use crate::{
    Engine,
    call::{Call, Operation},
    standing::Standing,
    tools::Tool,
};

/// A call whose target exists, is switched on, and is what a person accepted.
#[derive(Debug)]
pub struct Resolved {
    pub(super) trace: Trace,
    pub(super) call: Call,
    pub(super) target: Target,
}

/// What the call goes to.
#[derive(Debug)]
pub struct Target {
    pub(super) standing: Arc<Standing>,
    pub(super) pin: Digest,
    pub(super) class: Class,
    pub(super) cost: Option<briefcase_types::Money>,
    pub(super) tool: Option<Arc<Tool>>,
    pub(super) labels: Labels,
    pub(super) private_arguments: bool,
}

/// First stage.
pub async fn resolve(engine: &Engine, trace: Trace, call: Call) -> Result<Resolved, Stop> {
    let standing = engine.standing();
    let version = standing.version();
    let authority = standing.authority();
    if call.session.is_closed() || !standing.may_connect(&call.session.agent) {
        return Err(Stop::new(version, revoked()));
    }
    let server = authority.servers.get(&call.line.server).filter(|server| server.enabled);
    let Some(server) = server else { return Err(Stop::new(version, no_such_server(call.line.server.as_str()))) };
    let target = match &call.operation {
        Operation::CallTool { tool, .. } => {
            let tool = tool.clone();
            accepted_tool(engine, &call, &standing, server, &tool)
                .await
                .map_err(|refusal| Stop::new(version, refusal))?
        }
        _ => Target::of_server(&standing, server, &call.operation),
    };
    // Looking takes as long as the server likes: what was taken away meanwhile counts.
    let now = engine.standing();
    if call.session.is_closed() || !now.may_connect(&call.session.agent) {
        return Err(Stop::new(now.version(), revoked()));
    }
    if !now.still_accepts(&call, target.pin, target.cost) {
        return Err(Stop::new(now.version(), changed_meanwhile()));
    }
    let target = if now.version() == version { target } else { target.under(now) };
    Ok(Resolved { trace, call, target })
}

impl Target {
    /// The same target, as an authority has it that came into force meanwhile.
    fn under(self, standing: Arc<Standing>) -> Self {
        Self { standing, ..self }
    }

    pub(crate) const fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    fn of_server(standing: &Arc<Standing>, server: &Server, operation: &Operation) -> Self {
        let granted = match operation {
            Operation::ReadResource { .. } => server.reads_granted.resources,
            Operation::GetPrompt { .. } | Operation::Complete { .. } => server.reads_granted.prompts,
            // What follows something that was allowed: it reads or ends it.
            Operation::Follow { .. } => true,
            Operation::CallTool { .. } => false,
        };
        Self {
            standing: Arc::clone(standing),
            pin: Digest::labelled("briefcase/no-pin/1", &[]),
            class: if granted { Class::Read } else { Class::Unknown },
            cost: None,
            tool: None,
            labels: server.labels,
            private_arguments: false,
        }
    }

    fn of_tool(standing: &Arc<Standing>, server: &Server, pin: &Pin, tool: Arc<Tool>) -> Self {
        Self {
            standing: Arc::clone(standing),
            pin: pin.digest,
            class: pin.class,
            cost: pin.cost,
            tool: Some(tool),
            labels: server.labels.union(pin.labels),
            private_arguments: pin.private_args,
        }
    }
}

/// Looks at the server's definitions now, and takes the tool only if its definition is the accepted one.
async fn accepted_tool(
    engine: &Engine,
    call: &Call,
    standing: &Arc<Standing>,
    server: &Server,
    name: &ToolName,
) -> Result<Target, Refusal> {
    let pin = server.pins.get(name);
    let listing = engine.upstreams.look(&call.line).await.map_err(|failure| engine.upstream_refusal(&failure))?;
    let tools = engine.tools(&call.line.server, &listing);
    match (pin, tools.find(name)) {
        (Some(pin), Some(tool)) if pin.digest == tool.pin() => {
            if let Some(problem) = tool.unusable() {
                return Err(quarantined(name, problem));
            }
            Ok(Target::of_tool(standing, server, pin, tool))
        }
        (Some(_), Some(_)) => Err(tool_changed(call, name, "definition")),
        (None, Some(_)) => Err(tool_changed(call, name, "new_tool")),
        (Some(_), None) => Err(tool_changed(call, name, "gone")),
        (None, None) => Err(no_such_tool(call, name)),
    }
}

/// Whether the tool's definition is still the accepted one, after a wait.
pub(super) async fn look_again(engine: &Engine, call: &Call, target: &Target) -> Result<(), Refusal> {
    let Operation::CallTool { tool, .. } = &call.operation else { return Ok(()) };
    let standing = target.standing();
    let server = standing.authority().servers.get(&call.line.server);
    let Some(server) = server else { return Err(no_such_server(call.line.server.as_str())) };
    accepted_tool(engine, call, standing, server, tool).await.map(drop)
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
        format!("The server `{}` has no tool `{name}`.", call.line.server),
        "List the tools again.",
    )
}

fn tool_changed(call: &Call, name: &ToolName, reason: &'static str) -> Refusal {
    let server = &call.line.server;
    let what = match reason {
        "new_tool" => "is new and was not accepted yet",
        "gone" => "is no longer offered by its server",
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
