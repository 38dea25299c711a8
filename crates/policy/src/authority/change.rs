//! Changes: each method returns a new, checked document one version higher, with a summary in stable words.

use std::collections::BTreeSet;

use briefcase_types::{
    AgentId, Digest, Incarnation, Money, SecretName, ServerId, ServerSettings, ToolName, UnixMillis,
};

use super::{Agent, Authority, AuthorityError, Budget, Class, Factor, Grant, Pin, ReadsGranted, SecretEntry, Server};
use crate::label::Labels;

/// A changed document that is not yet in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityChange {
    /// The new document.
    pub document: Authority,
    /// The changes, one stable line each, such as `tool_class github/get_issue read`. The change's receipt records
    /// them.
    pub summary: Vec<String>,
}

type Edit = Result<Vec<String>, AuthorityError>;

pub(super) fn unknown(kind: &'static str, name: &(impl ToString + ?Sized)) -> AuthorityError {
    AuthorityError::Unknown { kind, name: name.to_string() }
}

fn exists(kind: &'static str, name: &(impl ToString + ?Sized)) -> AuthorityError {
    AuthorityError::Exists { kind, name: name.to_string() }
}

impl Authority {
    pub(super) fn changed(&self, edit: impl FnOnce(&mut Self) -> Edit) -> Result<AuthorityChange, AuthorityError> {
        let mut document = self.clone();
        let summary = edit(&mut document)?;
        document.version = self.version.checked_add(1).ok_or(AuthorityError::VersionsUsedUp)?;
        document.check()?;
        Ok(AuthorityChange { document, summary })
    }

    /// Registers an agent by the digest of its token.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`], or [`AuthorityError::Invalid`] when another agent has this token.
    pub fn add_agent(
        &self,
        name: AgentId,
        token: Digest,
        created: UnixMillis,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let line = format!("agent_added {name}");
            if document.agents.contains_key(&name) {
                return Err(exists("an agent", &name));
            }
            document.agents.insert(name, Agent { token, created, disabled: false });
            Ok(vec![line])
        })
    }

    /// Removes an agent, its grants and the budgets that cover it alone.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn remove_agent(&self, name: &AgentId) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            document.agents.remove(name).ok_or_else(|| unknown("agent", name))?;
            let mut summary = vec![format!("agent_removed {name}")];
            summary.extend(document.void_grants(|grant| grant.agent == *name));
            document.budgets.retain(|budget| budget.scope.agent.as_ref() != Some(name));
            Ok(summary)
        })
    }

    /// Disables or enables an agent. A disabled agent cannot connect.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_agent_disabled(&self, name: &AgentId, disabled: bool) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            document.agents.get_mut(name).ok_or_else(|| unknown("agent", name))?.disabled = disabled;
            Ok(vec![format!("agent_{} {name}", if disabled { "disabled" } else { "enabled" })])
        })
    }

    /// Registers a server.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`] or [`AuthorityError::Invalid`].
    pub fn add_server(&self, name: ServerId, server: Server) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let mut summary = vec![format!("server_added {name} {}", server.transport.kind())];
            summary.extend(
                server
                    .pins
                    .iter()
                    .map(|(tool, pin)| format!("tool_accepted {name}/{tool} {} {}", pin.digest, pin.class.as_str())),
            );
            let settings = server.settings.changes(&ServerSettings::default());
            summary.extend(settings.into_iter().map(|line| format!("server_setting {name} {line}")));
            if document.servers.contains_key(&name) {
                return Err(exists("a server", &name));
            }
            document.servers.insert(name, server);
            Ok(summary)
        })
    }

    /// Removes a server, its pins, and the grants and budgets that name it.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn remove_server(&self, name: &ServerId) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            document.servers.remove(name).ok_or_else(|| unknown("server", name))?;
            let mut summary = vec![format!("server_removed {name}")];
            summary.extend(document.void_grants(|grant| grant.server == *name));
            document.budgets.retain(|budget| budget.scope.server.as_ref() != Some(name));
            Ok(summary)
        })
    }

    /// Enables or disables a server.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_server_enabled(&self, name: &ServerId, enabled: bool) -> Result<AuthorityChange, AuthorityError> {
        self.edit_server(name, |server| {
            server.enabled = enabled;
            format!("server_{} {name}", if enabled { "enabled" } else { "disabled" })
        })
    }

    /// Sets the labels of a server's results and arguments.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_server_labels(&self, name: &ServerId, labels: Labels) -> Result<AuthorityChange, AuthorityError> {
        self.edit_server(name, |server| {
            server.labels = labels;
            format!("server_labels {name} {}", words(labels))
        })
    }

    /// Sets the reads of a server that need no approval.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_reads_granted(&self, name: &ServerId, granted: ReadsGranted) -> Result<AuthorityChange, AuthorityError> {
        self.edit_server(name, |server| {
            server.reads_granted = granted;
            format!("server_reads {name} resources={} prompts={}", granted.resources, granted.prompts)
        })
    }

    /// Accepts a tool's definition. A changed definition keeps the person's settings for the tool, but voids its
    /// grants.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`] or [`AuthorityError::Invalid`].
    pub fn accept_pin(
        &self,
        server: &ServerId,
        tool: ToolName,
        digest: Digest,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.accept_varying_pin(server, tool, digest, BTreeSet::new())
    }

    /// Accepts a tool's definition. The server changes the text at the places in `varying`, which the digest does not
    /// cover.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`] or [`AuthorityError::Invalid`].
    #[expect(clippy::needless_pass_by_value, reason = "the name becomes part of the document")]
    pub fn accept_varying_pin(
        &self,
        server: &ServerId,
        tool: ToolName,
        digest: Digest,
        varying: BTreeSet<String>,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let pins = &mut document.servers.get_mut(server).ok_or_else(|| unknown("server", server))?.pins;
            let mut summary = vec![format!("tool_accepted {server}/{tool} {digest}")];
            summary.extend(varying.iter().map(|place| format!("tool_varies {server}/{tool} {place}")));
            let pin = pins.entry(tool.clone()).or_insert_with(|| Pin::new(digest));
            pin.varying = varying;
            if pin.digest != digest {
                pin.digest = digest;
                summary.extend(document.void_grants(|grant| grant.server == *server && grant.tool == tool));
            }
            Ok(summary)
        })
    }

    /// Removes a tool that its server no longer offers, and its grants.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn remove_pin(&self, server: &ServerId, tool: &ToolName) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let pins = &mut document.servers.get_mut(server).ok_or_else(|| unknown("server", server))?.pins;
            pins.remove(tool).ok_or_else(|| unknown("tool", tool))?;
            let mut summary = vec![format!("tool_removed {server}/{tool}")];
            summary.extend(document.void_grants(|grant| grant.server == *server && grant.tool == *tool));
            Ok(summary)
        })
    }

    /// Sets the class of a tool.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_class(
        &self,
        server: &ServerId,
        tool: &ToolName,
        class: Class,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.edit_pin(server, tool, |pin| {
            pin.class = class;
            format!("tool_class {server}/{tool} {}", class.as_str())
        })
    }

    /// Sets the cost of one call of a tool.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_cost(
        &self,
        server: &ServerId,
        tool: &ToolName,
        cost: Option<Money>,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.edit_pin(server, tool, |pin| {
            pin.cost = cost;
            format!("tool_cost {server}/{tool} {}", cost.map_or_else(|| "none".to_owned(), |cost| cost.to_string()))
        })
    }

    /// Sets the labels of a tool's results and arguments, in addition to its server's labels.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_labels(
        &self,
        server: &ServerId,
        tool: &ToolName,
        labels: Labels,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.edit_pin(server, tool, |pin| {
            pin.labels = labels;
            format!("tool_labels {server}/{tool} {}", words(labels))
        })
    }

    /// Sets whether a tool's arguments are private.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn set_private_args(
        &self,
        server: &ServerId,
        tool: &ToolName,
        on: bool,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.edit_pin(server, tool, |pin| {
            pin.private_args = on;
            format!("tool_private_args {server}/{tool} {on}")
        })
    }

    /// Replaces the policies. The caller compiles the new document's [`crate::decision::PolicySet`] before it comes
    /// into force.
    ///
    /// # Errors
    /// [`AuthorityError::Invalid`] when the text is too long.
    pub fn set_policy(&self, text: String) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let digest = Digest::sha256(text.as_bytes());
            document.policy = text;
            Ok(vec![format!("policy_set {digest}")])
        })
    }

    /// Adds a grant.
    ///
    /// # Errors
    /// [`AuthorityError::Grant`] when it is broader than allowed.
    pub fn add_grant(&self, grant: Grant) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let line = format!("grant_added {} {} {}/{}", grant.id, grant.agent, grant.server, grant.tool);
            let now = grant.created;
            document.grants.retain(|old| now < old.expires);
            document.grants.push(grant);
            Ok(vec![line])
        })
    }

    /// Removes a grant.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn remove_grant(&self, id: &str) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let removed = document.void_grants(|grant| grant.id == id);
            if removed.is_empty() { Err(unknown("grant", id)) } else { Ok(removed) }
        })
    }

    /// Sets a budget: adds it, or changes the limit of the budget with the same scope, window and unit.
    ///
    /// # Errors
    /// [`AuthorityError::Invalid`].
    pub fn set_budget(&self, budget: Budget) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let line = format!("budget_set {} per {}: {}", budget.scope, budget.window.as_str(), budget.limit);
            document.budgets.retain(|old| !old.same_counter(&budget));
            document.budgets.push(budget);
            Ok(vec![line])
        })
    }

    /// Removes every budget with this scope and window.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn remove_budget(
        &self,
        scope: &super::BudgetScope,
        window: super::Window,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let before = document.budgets.len();
            document.budgets.retain(|budget| budget.scope != *scope || budget.window != window);
            let line = format!("budget_removed {scope} per {}", window.as_str());
            if document.budgets.len() < before { Ok(vec![line]) } else { Err(unknown("budget", scope)) }
        })
    }

    /// Enrols a factor.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`].
    pub fn add_factor(&self, factor: Factor) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            if document.factors.iter().any(|old| old.id == factor.id) {
                return Err(exists("a factor", &factor.id));
            }
            let line = format!("factor_added {} {}", factor.kind, factor.id);
            document.factors.push(factor);
            Ok(vec![line])
        })
    }

    /// Replaces a factor's data, such as a passkey's counter or a new PIN.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`].
    pub fn update_factor(&self, id: &str, data: serde_json::Value) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let factor = document.factors.iter_mut().find(|factor| factor.id == id);
            factor.ok_or_else(|| unknown("factor", id))?.data = data;
            Ok(vec![format!("factor_updated {id}")])
        })
    }

    /// Enrols a factor and removes the others of its kind, such as a new PIN for the old one.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`].
    pub fn replace_factor_of_kind(&self, factor: Factor) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let gone = |old: &Factor| old.kind == factor.kind;
            let mut summary: Vec<_> = document
                .factors
                .iter()
                .filter(|old| gone(old))
                .map(|old| format!("factor_removed {}", old.id))
                .collect();
            document.factors.retain(|old| !gone(old));
            summary.push(format!("factor_added {} {}", factor.kind, factor.id));
            document.factors.push(factor);
            Ok(summary)
        })
    }

    /// Records a change of a key slot. The document keeps its content.
    ///
    /// # Errors
    /// [`AuthorityError::VersionsUsedUp`].
    pub fn noted(&self, summary: Vec<String>) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|_| Ok(summary))
    }

    /// Removes a factor, unless it is the last one.
    ///
    /// # Errors
    /// [`AuthorityError::LastFactor`] or [`AuthorityError::Unknown`].
    pub fn remove_factor(&self, id: &str) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let before = document.factors.len();
            document.factors.retain(|factor| factor.id != id);
            match document.factors.len() {
                after if after == before => Err(unknown("factor", id)),
                0 => Err(AuthorityError::LastFactor),
                _ => Ok(vec![format!("factor_removed {id}")]),
            }
        })
    }

    /// Begins a new incarnation of the state, after a restore: every grant is void (attack 57).
    ///
    /// # Errors
    /// [`AuthorityError::VersionsUsedUp`].
    pub fn restored(&self, incarnation: Incarnation) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            document.incarnation = incarnation;
            let mut summary = vec!["state_restored".to_owned()];
            summary.extend(document.void_grants(|_| true));
            Ok(summary)
        })
    }

    /// Adds a secret, or replaces its value. The entry binds the sealed record.
    ///
    /// # Errors
    /// [`AuthorityError::Invalid`].
    pub fn set_secret(&self, name: SecretName, record: Digest) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let version = document.secrets.get(&name).map_or(0, |entry| entry.version).saturating_add(1);
            let line = format!("secret_set {name} {version}");
            document.secrets.insert(name, SecretEntry { version, record });
            Ok(vec![line])
        })
    }

    /// Removes a secret that no server uses.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`], or [`AuthorityError::Invalid`] while a server uses it.
    pub fn remove_secret(&self, name: &SecretName) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            document.secrets.remove(name).ok_or_else(|| unknown("secret", name))?;
            Ok(vec![format!("secret_removed {name}")])
        })
    }

    fn edit_server(
        &self,
        name: &ServerId,
        edit: impl FnOnce(&mut Server) -> String,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let server = document.servers.get_mut(name).ok_or_else(|| unknown("server", name))?;
            Ok(vec![edit(server)])
        })
    }

    fn edit_pin(
        &self,
        server: &ServerId,
        tool: &ToolName,
        edit: impl FnOnce(&mut Pin) -> String,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let pins = &mut document.servers.get_mut(server).ok_or_else(|| unknown("server", server))?.pins;
            Ok(vec![edit(pins.get_mut(tool).ok_or_else(|| unknown("tool", &format!("{server}/{tool}")))?)])
        })
    }

    /// Removes grants and returns one line for each.
    fn void_grants(&mut self, voided: impl Fn(&Grant) -> bool) -> Vec<String> {
        let (gone, kept) = std::mem::take(&mut self.grants).into_iter().partition::<Vec<_>, _>(|grant| voided(grant));
        self.grants = kept;
        gone.into_iter().map(|grant| format!("grant_removed {}", grant.id)).collect()
    }
}

fn words(labels: Labels) -> String {
    let words: Vec<_> = labels.iter().map(crate::label::Label::as_str).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(",") }
}
