//! Decisions: allow, ask or deny, by the person's Cedar policies.
//!
//! Invariants:
//!
//! - The same facts and document give the same verdict. A tool's description and title are not an input.
//! - Entities are made from the authority document only, so an agent's data cannot pose as one (attack 60).
//! - A policy that fails during evaluation denies, whatever the others decide.
//! - A grant can answer an ask and nothing else.
//! - A decision about a URI holds in every reading of it (attack 71).

mod arguments;
mod bounds;
mod cases;
mod cedar_schema;
mod context;
mod declared;
mod definitions;
mod entities;
mod facts;
mod problem;
mod sources;

use std::collections::BTreeMap;

use cedar_policy::{Authorizer, Decision, Entities, PolicyId, Response};

pub use cases::{Case, CaseResult, ExpectedVerdict, read_cases};
pub use definitions::AcceptedDefinitions;
pub use facts::{Action, Facts, Risk};
pub use problem::{PolicyError, PolicyProblem};
pub use sources::{Effect, PolicySource};

use crate::{
    authority::{Authority, Grant},
    ledger::BudgetIndex,
    uri,
};

/// The policies of one authority document, checked against its Cedar schema and ready to decide.
pub struct PolicySet {
    authorizer: Authorizer,
    /// The policies that can concern an action, by the id of the action.
    slices: BTreeMap<String, cedar_policy::PolicySet>,
    entities: Entities,
    store: entities::EntityStore,
    budgets: BudgetIndex,
    grants: Vec<Grant>,
    sources: Vec<PolicySource>,
    schema_text: String,
    reads: context::Reads,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call may run.
    Allow {
        /// The ids of the policies that allow it.
        policies: Vec<String>,
        /// The id of the grant that answered the ask, if the policies alone would have asked.
        grant: Option<String>,
    },
    /// The call needs an approval first.
    Ask {
        /// The ids of the policies that would allow it with an approval, and of those that forbid it without one.
        policies: Vec<String>,
        /// Only an approval of this very call is enough, not a grant of a session: a `forbid` applies until the call is
        /// approved, or the arguments of the tool cannot be checked.
        fresh: bool,
    },
    /// The call may not run, with or without an approval.
    Deny {
        /// The ids of the policies that forbid it. Empty when no policy permits it.
        policies: Vec<String>,
        /// The reason.
        reason: DenyReason,
    },
}

/// The reason for a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenyReason {
    /// A `forbid` that an approval does not lift.
    Forbidden,
    /// No policy permits it, even with an approval.
    NothingPermits,
    /// A policy failed during evaluation.
    PolicyError,
    /// A URI hides characters or can be read in too many ways.
    Uri,
    /// An argument does not fit the type that policies see, so no rule about it could be checked.
    Arguments,
    /// The agent is unknown or disabled.
    Agent,
    /// The server is unknown or disabled.
    Server,
    /// The tool was not accepted.
    Tool,
}

impl DenyReason {
    /// A stable word for receipts and refusals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::NothingPermits => "nothing_permits",
            Self::PolicyError => "policy_error",
            Self::Uri => "uri_ambiguous",
            Self::Arguments => "arguments_inexpressible",
            Self::Agent => "agent_unknown",
            Self::Server => "server_unknown",
            Self::Tool => "tool_not_accepted",
        }
    }
}

impl PolicySet {
    /// Checks a document's policies against the Cedar schema of its tools, and compiles them.
    ///
    /// `definitions` holds the accepted definitions. A tool without one there has no `context.args`, so a policy about
    /// its arguments does not compile.
    ///
    /// # Errors
    /// [`PolicyError::Problems`] with every problem in the text: line, column, and a suggestion where there is one.
    pub fn compile(authority: &Authority, definitions: &AcceptedDefinitions) -> Result<Self, PolicyError> {
        let store = entities::EntityStore::new(authority, definitions);
        let (schema, schema_text) = cedar_schema::schema(&store)?;
        let (policies, sources) = sources::parse(&authority.policy)?;
        problem::validate(&authority.policy, &policies, &schema)?;
        let slices = sources::slices(&policies, store.actions())?;
        let entities = store.entities(authority, &schema)?;
        Ok(Self {
            authorizer: Authorizer::new(),
            slices,
            entities,
            store,
            budgets: BudgetIndex::new(authority),
            grants: authority.grants.clone(),
            sources,
            schema_text,
            reads: context::Reads::of(&authority.policy),
        })
    }

    /// Decides a request.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Verdict {
        self.decide_beside(facts, None)
    }

    /// Decides a request that has members beside its arguments, as canonical JSON. Only a grant of exactly the same
    /// arguments and members covers it.
    #[must_use]
    pub fn decide_beside(&self, facts: &Facts<'_>, beside: Option<&str>) -> Verdict {
        match facts.action {
            Action::ReadResource { uri } => self.every_reading(facts, uri),
            Action::Complete { params } => {
                let uris = uri::of_completion(params);
                let Some((first, others)) = uris.split_first() else { return self.decide_one(facts, "", beside) };
                let both = |uri: &String| {
                    let read = Facts { action: Action::ReadResource { uri }, ..*facts };
                    self.every_reading(facts, uri).stricter(self.every_reading(&read, uri))
                };
                others.iter().fold(both(first), |strictest, uri| strictest.stricter(both(uri)))
            }
            _ => self.decide_one(facts, "", beside),
        }
    }

    /// The strictest verdict over the readings of a URI. The spelling as given is first.
    fn every_reading(&self, facts: &Facts<'_>, uri: &str) -> Verdict {
        let Ok(readings) = uri::readings(uri) else { return deny(DenyReason::Uri) };
        let others = readings.iter().filter(|reading| *reading != uri);
        let one = |uri: &str| self.decide_one(facts, uri, None);
        others.fold(one(uri), |strictest, reading| strictest.stricter(one(reading)))
    }

    fn decide_one(&self, facts: &Facts<'_>, uri: &str, beside: Option<&str>) -> Verdict {
        let prepared = match context::prepare(&self.store, &self.budgets, self.reads, facts, uri) {
            Ok(prepared) => prepared,
            Err(reason) => return Verdict::Deny { policies: Vec::new(), reason },
        };
        let Some(slice) = self.slices.get(prepared.action_id()) else { return deny(DenyReason::NothingPermits) };
        let evaluate = |approved: bool| {
            let request = prepared.request(approved)?;
            Some(self.authorizer.is_authorized(&request, slice, &self.entities))
        };
        let Some(now) = evaluate(false) else { return deny(DenyReason::PolicyError) };
        if let Some(denied) = failed(&now) {
            return denied;
        }
        if now.decision() == Decision::Allow {
            return Verdict::Allow { policies: ids(&now), grant: None };
        }
        let Some(approved) = evaluate(true) else { return deny(DenyReason::PolicyError) };
        match (failed(&approved), approved.decision()) {
            (Some(denied), _) => denied,
            (None, Decision::Allow) => self.ask(facts, beside, &now, &approved),
            (None, Decision::Deny) => refused(&approved),
        }
    }

    /// Returns an ask, or an allow when a grant covers the call.
    fn ask(&self, facts: &Facts<'_>, beside: Option<&str>, now: &Response, approved: &Response) -> Verdict {
        let mut policies = ids(approved);
        let held_by = ids(now);
        let fresh = !held_by.is_empty() || !self.is_checkable(facts);
        policies.extend(held_by);
        match self.granted(facts, beside).filter(|_| !fresh) {
            Some(grant) => Verdict::Allow { policies, grant: Some(grant.id.clone()) },
            None => Verdict::Ask { policies, fresh },
        }
    }

    /// Whether the arguments of the call are checked at all.
    fn is_checkable(&self, facts: &Facts<'_>) -> bool {
        let Action::Call { tool, .. } = facts.action else { return true };
        self.store.tool(facts.server, tool).is_none_or(|tool| tool.checkable)
    }

    fn granted(&self, facts: &Facts<'_>, beside: Option<&str>) -> Option<&Grant> {
        let Action::Call { tool, arguments } = facts.action else { return None };
        let known = self.store.tool(facts.server, tool)?;
        let pin = known.pin;
        let covers = |grant: &&Grant| grant.covers(facts.agent, facts.server, tool, &pin, arguments, beside, facts.now);
        // An argument that the tool's schema does not name was not shown to the person who gave the grant.
        self.grants.iter().find(covers).filter(|_| known.declared.undeclared(arguments).is_empty())
    }

    /// The policies, in the order of the text.
    #[must_use]
    pub fn policies(&self) -> &[PolicySource] {
        &self.sources
    }

    /// Returns the policies that decided, with their lines, for `why`.
    #[must_use]
    pub fn explain(&self, verdict: &Verdict) -> Vec<&PolicySource> {
        let ids = verdict.policies();
        self.sources.iter().filter(|source| ids.contains(&source.id)).collect()
    }

    /// The Cedar schema that policies are checked against, for people who write them.
    #[must_use]
    pub fn schema_text(&self) -> &str {
        &self.schema_text
    }

    /// Returns the arguments of a call that its tool's accepted schema does not name, made printable. The list may be
    /// incomplete. A call with such an argument is not a granted read, and no grant covers it.
    #[must_use]
    pub fn undeclared(
        &self,
        server: &briefcase_types::ServerId,
        tool: &briefcase_types::ToolName,
        arguments: &serde_json::Value,
    ) -> Vec<String> {
        self.store.tool(server, tool).map_or_else(Vec::new, |tool| tool.declared.undeclared(arguments))
    }

    /// The risk of a tool, as decisions see it.
    #[must_use]
    pub fn risk(&self, server: &briefcase_types::ServerId, tool: &briefcase_types::ToolName) -> Option<Risk> {
        self.store.tool(server, tool).map(|tool| tool.risk)
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicySet").field("policies", &self.sources.len()).finish_non_exhaustive()
    }
}

impl Verdict {
    /// `allow`, `ask` or `deny`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allow { .. } => "allow",
            Self::Ask { .. } => "ask",
            Self::Deny { .. } => "deny",
        }
    }

    /// The ids of the policies that decided.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        match self {
            Self::Allow { policies, .. } | Self::Ask { policies, .. } | Self::Deny { policies, .. } => policies,
        }
    }
}

impl Verdict {
    /// The stricter of two verdicts. Two that ask are joined.
    fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ask { mut policies, fresh }, Self::Ask { policies: others, fresh: also }) => {
                policies.extend(others);
                let mut seen = std::collections::BTreeSet::new();
                policies.retain(|policy| seen.insert(policy.clone()));
                Self::Ask { policies, fresh: fresh || also }
            }
            (one, two) => {
                if two.rank() > one.rank() {
                    two
                } else {
                    one
                }
            }
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Allow { .. } => 0,
            Self::Ask { .. } => 1,
            Self::Deny { .. } => 2,
        }
    }
}

fn deny(reason: DenyReason) -> Verdict {
    Verdict::Deny { policies: Vec::new(), reason }
}

/// Denies when a policy failed during evaluation: a `forbid` that cannot be evaluated must not be skipped.
fn failed(response: &Response) -> Option<Verdict> {
    let mut errors = response.diagnostics().errors().peekable();
    errors.peek()?;
    let policies = errors
        .map(|error| {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            error.policy_id().to_string()
        })
        .collect();
    Some(Verdict::Deny { policies, reason: DenyReason::PolicyError })
}

fn refused(approved: &Response) -> Verdict {
    let policies = ids(approved);
    let reason = if policies.is_empty() { DenyReason::NothingPermits } else { DenyReason::Forbidden };
    Verdict::Deny { policies, reason }
}

fn ids(response: &Response) -> Vec<String> {
    let mut ids: Vec<_> = response.diagnostics().reason().map(PolicyId::to_string).collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests;
