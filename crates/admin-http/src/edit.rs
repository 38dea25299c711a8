//! Edits: a change of the API as a new authority document, with what is stored beside it and what follows from it.

use briefcase_policy::authority::{Authority, AuthorityChange, AuthorityError};
use briefcase_ports::Record;
use briefcase_types::{AgentId, ServerId};

use crate::{Briefcase, state::AdminState};

/// Makes the new document.
pub type MakeDocument = Box<dyn FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError> + Send>;

/// An edit of the authority document.
pub struct Edit {
    /// Makes the new document.
    pub make: MakeDocument,
    /// The records that are stored beside the document.
    pub records: Vec<Record>,
    /// A new agent's token, returned once.
    pub token: Option<String>,
    /// What follows once the change is in force.
    pub effects: SideEffects,
}

/// What follows once a change is in force.
#[derive(Default)]
pub struct SideEffects {
    /// Servers whose connections are closed, so that the next call opens new ones.
    pub reconnect: Vec<ServerId>,
    /// The agent to disconnect.
    pub disconnect: Option<AgentId>,
    /// The pending passkey was enrolled.
    pub passkey_enrolled: bool,
    /// The computer's clock was accepted. The caller follows it.
    pub clock_accepted: bool,
}

impl Edit {
    /// Makes an edit without records, token or side effects.
    pub fn of(make: impl FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError> + Send + 'static) -> Self {
        Self { make: Box::new(make), records: Vec::new(), token: None, effects: SideEffects::default() }
    }

    /// Stores records beside the document.
    pub fn with_records(mut self, records: Vec<Record>) -> Self {
        self.records = records;
        self
    }

    /// Closes the connections to these servers afterwards.
    pub fn reconnecting(mut self, servers: impl IntoIterator<Item = ServerId>) -> Self {
        self.effects.reconnect.extend(servers);
        self
    }
}

impl SideEffects {
    /// Performs them. Called once the change is in force.
    pub fn perform(&self, admin: &AdminState, briefcase: &Briefcase) {
        self.reconnect.iter().for_each(|server| briefcase.connections.forget_server(server));
        if let Some(agent) = &self.disconnect {
            briefcase.connections.disconnect_agent(agent);
        }
        if self.passkey_enrolled {
            admin.pending_passkeys.clear();
        }
    }
}

/// Applies one more step to a changed document and joins both summaries.
///
/// # Errors
/// As the step.
pub fn chain(
    before: AuthorityChange,
    step: impl FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError>,
) -> Result<AuthorityChange, AuthorityError> {
    let mut after = step(&before.document)?;
    after.summary.splice(0..0, before.summary);
    Ok(after)
}
