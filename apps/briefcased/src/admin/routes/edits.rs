//! Each change of the contract as an edit of the document.

use std::sync::Arc;

use briefcase_api::{Change, Confidential, ConfidentialDigest, ServerSpec};
use briefcase_engine::{change::Checked, tools::Tools};
use briefcase_policy::{
    authority::{
        Authority, AuthorityChange, AuthorityError, Budget, BudgetScope, Class, Factor, Limit, Pin, ReadsGranted,
        Server, Window,
    },
    label::{Label, Labels},
};
use briefcase_ports::Record;
use briefcase_presence::{EnrolmentPermit, PinFactor};
use briefcase_types::{AgentId, Digest, Money, SecretBytes, SecretName, ServerId, ToolName, UnixMillis};

use crate::{
    admin::{answer::Failure, state::Admin},
    agents::token_digest,
    keep::{
        presence::{PASSKEY, PIN},
        secrets::record_digest,
        slots,
    },
    open::Open,
};

/// Makes the new document.
pub type Make = Box<dyn FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError> + Send>;

/// An edit and what comes with it.
pub struct Edit {
    /// Makes the new document.
    pub edit: Make,
    /// What is stored beside it.
    pub records: Vec<Record>,
    /// A credential, shown once.
    pub token: Option<String>,
    /// What has to be told afterwards.
    pub after: After,
}

/// Whom a change concerns once it is in force.
#[derive(Default)]
pub struct After {
    /// Connections to these servers are opened anew.
    pub servers: Vec<ServerId>,
    /// Sessions of this agent end.
    pub agent: Option<AgentId>,
    /// The offered passkey was taken.
    pub offer: bool,
}

impl Edit {
    /// An edit without anything beside it.
    pub fn of(make: impl FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError> + Send + 'static) -> Self {
        Self { edit: Box::new(make), records: Vec::new(), token: None, after: After::default() }
    }

    fn with_records(mut self, records: Vec<Record>) -> Self {
        self.records = records;
        self
    }

    fn about_server(mut self, server: ServerId) -> Self {
        self.after.servers.push(server);
        self
    }
}

/// Translates a change that enrols no factor and stores no secret.
pub async fn edit<S>(admin: &Admin, open: &Open, change: Change<S>) -> Result<Edit, Failure> {
    let now = open.engine.now();
    Ok(match change {
        Change::AddAgent { name } => {
            let mut bytes = [0; 32];
            open.entropy.fill(&mut bytes);
            let token = format!("bca_{}", Digest::from_bytes(bytes));
            let digest = token_digest(&token);
            Edit { token: Some(token), ..Edit::of(move |document| add_agent(document, name, digest, now)) }
        }
        Change::RemoveAgent { name } => {
            let after = After { agent: Some(name.clone()), ..After::default() };
            Edit { after, ..Edit::of(move |document| document.remove_agent(&name)) }
        }
        Change::AddServer { name, spec, probe, reads, reads_granted } => {
            add_server(admin, open, name, &spec, probe, &reads, reads_granted)?
        }
        Change::RemoveServer { name } => {
            let server = name.clone();
            Edit::of(move |document| document.remove_server(&name)).about_server(server)
        }
        Change::EnableServer { name, enabled } => {
            let server = name.clone();
            Edit::of(move |document| document.set_server_enabled(&name, enabled)).about_server(server)
        }
        Change::AcceptTools { server, probe, tools } => accept_tools(admin, open, server, probe, &tools)?,
        Change::SetTool { server, tool, class, cost, labels } => set_tool(server, tool, class, cost, labels)?,
        Change::SetPolicy { text } => Edit::of(move |document| document.set_policy(text)),
        Change::SetBudget { agent, server, tool, window, limit } => {
            let scope = BudgetScope { agent, server, tool };
            let window: Window = window.parse().map_err(Failure::invalid)?;
            match limit.map(|limit| limit.parse::<Limit>()).transpose().map_err(Failure::invalid)? {
                Some(limit) => Edit::of(move |document| document.set_budget(Budget { scope, window, limit })),
                None => Edit::of(move |document| document.remove_budget(&scope, window)),
            }
        }
        Change::RemoveSecret { name } => {
            let record = Record::Secret { name: name.clone(), sealed: None };
            Edit::of(move |document| document.remove_secret(&name)).with_records(vec![record])
        }
        Change::RevokeGrant { id } => Edit::of(move |document| document.remove_grant(&id)),
        Change::RemoveFactor { id } => Edit::of(move |document| document.remove_factor(&id)),
        Change::SetPassphrase { .. } => Edit::of(|document| document.noted(vec![slots::PASSPHRASE_SET.to_owned()])),
        Change::AddPasskey { .. } | Change::SetPin { .. } | Change::SetSecret { .. } => {
            return Err(Failure::invalid("This change needs the proof of presence first."));
        }
    })
}

/// A new agent, or a new credential for one whose credential a restore made void.
fn add_agent(
    document: &Authority,
    name: AgentId,
    token: Digest,
    now: UnixMillis,
) -> Result<AuthorityChange, AuthorityError> {
    if !document.agents.get(&name).is_some_and(|agent| agent.disabled) {
        return document.add_agent(name, token, now);
    }
    let mut renewed = document.set_agent_disabled(&name, false)?;
    if let Some(agent) = renewed.document.agents.get_mut(&name) {
        agent.token = token;
        agent.created = now;
    }
    renewed.document.check()?;
    Ok(renewed)
}

/// Makes a factor, for a person who proved to be there.
pub async fn enrol(
    admin: &Admin,
    open: &Open,
    change: Change<Confidential>,
    permit: EnrolmentPermit,
) -> Result<Edit, Failure> {
    let now = open.engine.now();
    match change {
        Change::SetPin { pin } => {
            let entropy = admin.life.around.entropy.clone();
            let enrolled = tokio::task::spawn_blocking(move || {
                PinFactor::enrol(permit, &pin.into_secret(), entropy.as_ref(), now)
            });
            let factor = enrolled.await.map_err(|error| Failure::internal(&error))?;
            let factor = factor.map_err(|error| Failure::invalid(format!("{error}.")))?;
            let factor = Factor { id: factor.id().to_string(), kind: PIN.to_owned(), data: json(&factor)? };
            Ok(Edit::of(move |document| document.replace_factor_of_kind(factor)))
        }
        Change::AddPasskey { label, credential } => {
            let factor = open.presence.finish_passkey(permit, &credential, &label).await;
            let factor = factor.map_err(|error| Failure::invalid(format!("{error}.")))?;
            let factor = Factor { id: factor.id().to_string(), kind: PASSKEY.to_owned(), data: json(&factor)? };
            let after = After { offer: true, ..After::default() };
            Ok(Edit { after, ..Edit::of(move |document| document.add_factor(factor)) })
        }
        _ => Err(Failure::invalid("This change enrols nothing.")),
    }
}

/// Tells whoever has to know that a change is in force.
pub fn took_effect(admin: &Admin, open: &Open, after: &After) {
    after.servers.iter().for_each(|server| open.pool.forget_server(server));
    if let Some(agent) = &after.agent {
        open.mcp_server.remove_agent(agent);
        for session in open.engine.sessions().into_iter().filter(|session| session.agent == *agent) {
            session.close();
            open.pool.close_session(session.id);
        }
    }
    if after.offer {
        admin.offers.clear();
    }
}

fn json(value: &impl serde::Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::internal(&error))
}

/// A server's registration, from the contract's words.
pub fn server(spec: &ServerSpec) -> Server {
    Server::new(spec.clone().into())
}

fn add_server(
    admin: &Admin,
    open: &Open,
    name: ServerId,
    spec: &ServerSpec,
    probe: Digest,
    reads: &[ToolName],
    reads_granted: bool,
) -> Result<Edit, Failure> {
    let probed = admin.probes.find(probe)?;
    if probed.spec.as_ref() != Some(spec) {
        return Err(Failure::invalid("The server that was looked at is another one: look at this one first."));
    }
    let tools = open.engine.tools(&name, &probed.listing);
    let mut server = server(spec);
    server.reads_granted = ReadsGranted { resources: reads_granted, prompts: reads_granted };
    for tool in tools.iter().filter(|tool| tool.unusable().is_none()) {
        let class = if reads.contains(tool.name()) { Class::Read } else { Class::Unknown };
        let pin = Pin { digest: tool.pin(), class, cost: None, private_args: false, labels: Labels::NONE };
        server.pins.insert(tool.name().clone(), pin);
    }
    if let Some(missing) = reads.iter().find(|tool| !server.pins.contains_key(*tool)) {
        return Err(Failure::invalid(format!("The server offers no tool `{missing}` that could be called a read.")));
    }
    let (records, forget) = (definitions(&tools), name.clone());
    Ok(Edit::of(move |document| document.add_server(name, server)).with_records(records).about_server(forget))
}

fn definitions(tools: &Tools) -> Vec<Record> {
    tools.iter().map(|tool| Record::Definition { pin: tool.pin(), raw: tool.raw().clone() }).collect()
}

fn accept_tools(
    admin: &Admin,
    open: &Open,
    name: ServerId,
    probe: Digest,
    wanted: &[ToolName],
) -> Result<Edit, Failure> {
    let probed = admin.probes.find(probe)?;
    let tools = open.engine.tools(&name, &probed.listing);
    let authority = open.engine.authority();
    let registered = authority.document().server(&name).map_err(|error| Failure::invalid(format!("{error}.")))?;
    let differs = |tool: &&Arc<briefcase_engine::tools::Tool>| {
        registered.pins.get(tool.name()).is_none_or(|pin| pin.digest != tool.pin())
            && (wanted.is_empty() || wanted.contains(tool.name()))
            && tool.unusable().is_none()
    };
    let accepted: Vec<(ToolName, Digest)> =
        tools.iter().filter(differs).map(|tool| (tool.name().clone(), tool.pin())).collect();
    let gone: Vec<ToolName> =
        registered.pins.keys().filter(|tool| tools.find(tool).is_none() && wanted.is_empty()).cloned().collect();
    if accepted.is_empty() && gone.is_empty() {
        return Err(Failure::invalid("There is nothing new to accept."));
    }
    let (records, forget): (_, ServerId) = (definitions(&tools), name.clone());
    let make = move |document: &Authority| {
        let start = AuthorityChange { document: document.clone(), summary: Vec::new() };
        let accepted = accepted
            .into_iter()
            .try_fold(start, |before, (tool, pin)| chain(before, |document| document.accept_pin(&name, tool, pin)))?;
        gone.iter().try_fold(accepted, |before, tool| chain(before, |document| document.remove_pin(&name, tool)))
    };
    Ok(Edit::of(make).with_records(records).about_server(forget))
}

/// One more step on a document, with both summaries.
fn chain(
    before: AuthorityChange,
    step: impl FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError>,
) -> Result<AuthorityChange, AuthorityError> {
    let mut after = step(&before.document)?;
    after.summary.splice(0..0, before.summary);
    Ok(after)
}

fn set_tool(
    server: ServerId,
    tool: ToolName,
    class: Option<String>,
    cost: Option<String>,
    labels: Option<Vec<String>>,
) -> Result<Edit, Failure> {
    let class: Option<Class> = class.map(|text| text.parse()).transpose().map_err(Failure::invalid)?;
    let price = |text: &String| if text.is_empty() { Ok(None) } else { text.parse::<Money>().map(Some) };
    let cost: Option<Option<Money>> =
        cost.as_ref().map(price).transpose().map_err(|error| Failure::invalid(format!("{error}.")))?;
    let parse = |words: Vec<String>| words.iter().map(|word| word.parse::<Label>()).collect::<Result<Labels, _>>();
    let labels = labels.map(parse).transpose().map_err(|error| Failure::invalid(format!("{error}.")))?;
    if class.is_none() && cost.is_none() && labels.is_none() {
        return Err(Failure::invalid("Nothing is to be changed."));
    }
    Ok(Edit::of(move |document| {
        let mut now = AuthorityChange { document: document.clone(), summary: Vec::new() };
        if let Some(class) = class {
            now = chain(now, |document| document.set_class(&server, &tool, class))?;
        }
        if let Some(cost) = cost {
            now = chain(now, |document| document.set_cost(&server, &tool, cost))?;
        }
        if let Some(labels) = labels {
            now = chain(now, |document| document.set_labels(&server, &tool, labels))?;
        }
        Ok(now)
    }))
}

/// The edit of a preview: the summary of setting a secret, whose value is not there. Never applied.
pub fn unsealed_secret(name: SecretName, value: ConfidentialDigest) -> Make {
    Box::new(move |document| document.set_secret(name, value.digest()))
}

/// Refuses a value that no secret can have.
pub fn check_secret(value: &Confidential) -> Result<(), Failure> {
    let unfit = |text: &str| text.trim().is_empty() || text.len() > 64 * 1024 || text.chars().any(char::is_control);
    if value.expose(unfit) {
        return Err(Failure::invalid("A secret is 1 byte to 64 KiB of text without control characters."));
    }
    Ok(())
}

/// Seals a secret. Invariant: called only after the proof of presence was checked.
pub fn seal_secret(open: &Open, name: SecretName, value: Confidential, _checked: &Checked) -> Result<Edit, Failure> {
    let authority = open.engine.authority();
    let version = authority.document().secrets.get(&name).map_or(0, |entry| entry.version).saturating_add(1);
    let value = value.expose(|text| SecretBytes::new(text.as_bytes().to_vec()));
    let sealed = open
        .secrets()
        .seal(&name, version, &value, open.entropy.as_ref())
        .map_err(|error| Failure::internal(&error))?;
    let digest = record_digest(&sealed);
    let record = Record::Secret { name: name.clone(), sealed: Some(sealed) };
    let users: Vec<ServerId> = authority
        .document()
        .servers
        .iter()
        .filter(|(_, server)| server.transport.secrets().any(|used| *used == name))
        .map(|(server, _)| server.clone())
        .collect();
    let mut edit = Edit::of(move |document| document.set_secret(name, digest)).with_records(vec![record]);
    edit.after.servers = users;
    Ok(edit)
}
