//! The authority in force: the document and its compiled form, replaced as one.

use std::sync::{Arc, PoisonError, RwLock};

use briefcase_policy::{
    authority::{Authority, AuthorityError},
    decision::{AcceptedDefinitions, PolicyError, PolicySet},
    ledger::BudgetIndex,
};
use briefcase_types::{AgentId, Digest, Money};

use briefcase_ports::Operation;

use crate::call::Call;

/// A shared handle to the authority in force. It is made before the engine and given to everything that reads the authority.
///
/// Invariant: only the engine replaces the authority, after the change is on record.
#[derive(Clone, Debug)]
pub struct AuthorityHandle(Arc<RwLock<Arc<ActiveAuthority>>>);

impl AuthorityHandle {
    /// Makes a handle to the authority that is in force at the start.
    #[must_use]
    pub fn new(authority: ActiveAuthority) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(authority))))
    }

    /// The authority in force.
    #[must_use]
    pub fn current(&self) -> Arc<ActiveAuthority> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, authority: ActiveAuthority) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(authority);
    }
}

/// The authority document in force, and its compiled form.
pub struct ActiveAuthority {
    document: Authority,
    digest: Digest,
    policy: PolicySet,
    budgets: BudgetIndex,
}

/// A document that cannot be put in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActiveAuthorityError {
    /// The document is invalid.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The policy text is invalid.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

impl ActiveAuthority {
    /// Compiles a checked document against the definitions it accepts.
    ///
    /// # Errors
    /// A policy does not compile.
    pub fn new(document: Authority, definitions: &AcceptedDefinitions) -> Result<Self, ActiveAuthorityError> {
        let digest = document.digest()?;
        let policy = PolicySet::compile(&document, definitions)?;
        let budgets = BudgetIndex::new(&document);
        Ok(Self { document, digest, policy, budgets })
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Authority {
        &self.document
    }

    /// The document's version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.document.version
    }

    /// The document's digest, as change receipts record it.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The compiled policies.
    #[must_use]
    pub const fn policy(&self) -> &PolicySet {
        &self.policy
    }

    /// The budgets, indexed.
    #[must_use]
    pub const fn budgets(&self) -> &BudgetIndex {
        &self.budgets
    }

    /// Whether the agent is registered and enabled.
    #[must_use]
    pub fn may_connect(&self, agent: &AgentId) -> bool {
        self.document.agents.get(agent).is_some_and(|agent| !agent.disabled)
    }

    /// Whether the server is still enabled, the definition still pinned, and the price still the one that was shown.
    pub(crate) fn still_accepts(&self, call: &Call, pin: Digest, cost: Option<Money>) -> bool {
        let Some(server) = self.document.servers.get(&call.request.connection.server).filter(|server| server.enabled)
        else {
            return false;
        };
        match &call.request.operation {
            Operation::CallTool { tool, .. } => {
                server.pins.get(tool).is_some_and(|accepted| accepted.digest == pin && accepted.cost == cost)
            }
            _ => true,
        }
    }
}

impl std::fmt::Debug for ActiveAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActiveAuthority").field("version", &self.version()).finish_non_exhaustive()
    }
}
