//! Policies as a person wrote them: their ids, their lines, and the actions that they can concern.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicyId, PolicySet};

use super::{
    bounds,
    facts::{CALL, SERVER_ACTIONS},
    problem::{PolicyError, PolicyProblem},
};

/// A policy in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// Its `@id`, or `line-N` with the number of its first line.
    pub id: String,
    /// The effect.
    pub effect: Effect,
    /// The first line, from 1.
    pub line: usize,
    /// The text.
    pub text: String,
}

/// The effect of a policy that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The policy permits.
    Permit,
    /// The policy forbids.
    Forbid,
}

/// Reads a text, and gives each policy the id that its author knows.
pub(super) fn parse(source: &str) -> Result<(PolicySet, Vec<PolicySource>), PolicyError> {
    bounds::check(source)?;
    let parsed: PolicySet =
        source.parse().map_err(|error| PolicyError::Problems(PolicyProblem::all(source, &error)))?;
    if parsed.templates().next().is_some() {
        let help = Some("write the principal or resource out instead of `?principal` or `?resource`".to_owned());
        let offset = source.find("?").unwrap_or_default();
        return Err(PolicyError::Problems(vec![PolicyProblem::at(
            source,
            offset,
            "templates cannot be used here",
            help,
        )]));
    }
    let mut in_order: Vec<&Policy> = parsed.policies().collect();
    in_order.sort_by_key(|policy| number(policy.id()));
    let (mut policies, mut sources) = (Vec::new(), Vec::new());
    let (mut taken, mut from) = (BTreeSet::new(), 0);
    for policy in in_order {
        let text = policy.to_cedar().unwrap_or_default();
        let offset =
            source.get(from..).and_then(|rest| rest.find(&text)).map_or(from, |place| from.saturating_add(place));
        from = offset.saturating_add(text.len());
        let line = source.get(..offset).unwrap_or_default().matches('\n').count().saturating_add(1);
        let id = policy.annotation("id").map_or_else(|| format!("line-{line}"), str::to_owned);
        if id.is_empty() || id.len() > 128 || !taken.insert(id.clone()) {
            let message = "each `@id` must be unique, with 1 to 128 characters";
            return Err(PolicyError::Problems(vec![PolicyProblem::at(source, offset, message, None)]));
        }
        policies.push(policy.new_id(PolicyId::new(&id)));
        let effect = match policy.effect() {
            cedar_policy::Effect::Permit => Effect::Permit,
            cedar_policy::Effect::Forbid => Effect::Forbid,
        };
        sources.push(PolicySource { id, effect, line, text });
    }
    let policies = PolicySet::from_policies(policies).map_err(|error| PolicyError::Inexpressible(error.to_string()))?;
    Ok((policies, sources))
}

/// The parser numbers policies `policy0`, `policy1`, … in the order of the text.
fn number(id: &PolicyId) -> usize {
    id.to_string().trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

/// Returns, for each action, the policies whose scope does not exclude it.
pub(super) fn slices<'a>(
    policies: &PolicySet,
    actions: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, PolicySet>, PolicyError> {
    let mut slices = BTreeMap::new();
    for action in actions {
        let concerned = policies.policies().filter(|policy| concerns(policy, action)).cloned();
        let slice =
            PolicySet::from_policies(concerned).map_err(|error| PolicyError::Inexpressible(error.to_string()))?;
        slices.insert(action.to_owned(), slice);
    }
    Ok(slices)
}

fn concerns(policy: &Policy, action: &str) -> bool {
    let is_call = !SERVER_ACTIONS.contains(&action);
    let named = |uid: &EntityUid| {
        let id: &str = uid.id().unescaped();
        id == action || (is_call && id == CALL)
    };
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::In(uids) => uids.iter().any(named),
        ActionConstraint::Eq(uid) => named(&uid),
    }
}
