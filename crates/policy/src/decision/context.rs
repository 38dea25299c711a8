//! The Cedar request of a set of facts: principal, action, resource and context.

use briefcase_types::UnixMillis;
use cedar_policy::{Context, EntityUid, Request, RestrictedExpression as Restricted};
use serde_json::Value;

use super::{
    Action, DenyReason, Facts, Risk,
    entities::{EntityStore, ServerEntity, ToolEntity, labels, text, uid},
};
use crate::{authority::Class, label::Labels, ledger::BudgetIndex};

/// The costly parts of the context that the policies read. Parts that no policy names are not made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reads {
    args: bool,
    args_json: bool,
    arg_names: bool,
}

impl Reads {
    /// Searches the text for the names. If a policy hides a name behind an escape, the attribute is missing, so the
    /// policy fails and the call is denied.
    pub(super) fn of(policy: &str) -> Self {
        let names = |name: &str| policy.contains(name);
        Self { args: names("args"), args_json: names("args_json"), arg_names: names("arg_names") }
    }
}

/// A request without `approved`.
pub(super) struct CedarRequest<'a> {
    principal: &'a EntityUid,
    action: EntityUid,
    action_id: &'a str,
    resource: &'a EntityUid,
    context: Vec<(&'static str, Restricted)>,
}

impl CedarRequest<'_> {
    pub(super) const fn action_id(&self) -> &str {
        self.action_id
    }

    pub(super) fn request(&self, approved: bool) -> Option<Request> {
        let approved = std::iter::once(("approved".to_owned(), Restricted::new_bool(approved)));
        let others = self.context.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let context = Context::from_pairs(approved.chain(others)).ok()?;
        // No second validation: principal, action and resource come from the entities that made the schema.
        Request::new(self.principal.clone(), self.action.clone(), self.resource.clone(), context, None).ok()
    }
}

pub(super) fn prepare<'a>(
    store: &'a EntityStore,
    budgets: &BudgetIndex,
    reads: Reads,
    facts: &Facts<'a>,
    uri: &str,
) -> Result<CedarRequest<'a>, DenyReason> {
    let principal = store.agent(facts.agent).ok_or(DenyReason::Agent)?;
    let server = store.server(facts.server).filter(|server| server.enabled).ok_or(DenyReason::Server)?;
    match facts.action {
        Action::Call { tool, arguments } => {
            let known = store.tool(facts.server, tool).ok_or(DenyReason::Tool)?;
            let mut context = shared_context(facts, known.labels);
            let covers =
                |cost: briefcase_types::Money| budgets.covers(facts.agent, facts.server, Some(tool), cost.currency);
            let named = known.declared.undeclared(arguments).is_empty();
            price(known, known.cost.is_some_and(covers), named, &mut context);
            express(known, reads, arguments, &mut context)?;
            Ok(CedarRequest {
                principal,
                action: known.action.clone(),
                action_id: &known.action_id,
                resource: &known.uid,
                context,
            })
        }
        other => on_server(principal, server, facts, &other, uri),
    }
}

fn on_server<'a>(
    principal: &'a EntityUid,
    server: &'a ServerEntity,
    facts: &Facts<'_>,
    action: &Action<'_>,
    uri: &str,
) -> Result<CedarRequest<'a>, DenyReason> {
    let mut context = shared_context(facts, server.labels);
    match action {
        Action::ReadResource { .. } => {
            context.push(("granted", Restricted::new_bool(server.reads.resources)));
            context.push(("uri", text(uri)));
        }
        Action::GetPrompt { prompt } => {
            context.push(("granted", Restricted::new_bool(server.reads.prompts)));
            context.push(("prompt", text(prompt)));
        }
        Action::Complete { .. } => {
            context.push(("granted", Restricted::new_bool(server.reads.prompts)));
            context.push(("uri", text(uri)));
        }
        _ => {}
    }
    let action_id = action.as_str();
    let kind = "Action".parse().map_err(|_| DenyReason::PolicyError)?;
    Ok(CedarRequest { principal, action: uid(&kind, action_id), action_id, resource: &server.uid, context })
}

fn shared_context(facts: &Facts<'_>, server_labels: Labels) -> Vec<(&'static str, Restricted)> {
    let (seconds, hour, weekday) = clock(facts.now);
    vec![
        ("labels", labels(facts.labels)),
        ("server_labels", labels(server_labels)),
        ("time", Restricted::new_long(seconds)),
        ("hour", Restricted::new_long(hour)),
        ("weekday", Restricted::new_long(weekday)),
    ]
}

/// Adds class, risk and price. The person's class applies to the arguments that the tool's schema names. A call with
/// any other argument has an unknown class.
fn price(tool: &ToolEntity, budgeted: bool, named: bool, context: &mut Vec<(&'static str, Restricted)>) {
    let (class, risk) = if named { (tool.class, tool.risk) } else { (Class::Unknown, tool.risk.max(Risk::Medium)) };
    let micros = tool.cost.map_or(0, |cost| i64::try_from(cost.micros).unwrap_or(i64::MAX));
    let currency = tool.cost.map_or_else(String::new, |cost| cost.currency.to_string());
    context.push(("class", text(class.as_str())));
    context.push(("risk", text(risk.as_str())));
    context.push(("cost_micros", Restricted::new_long(micros)));
    context.push(("currency", Restricted::new_string(currency)));
    context.push(("budgeted", Restricted::new_bool(budgeted)));
}

fn express(
    tool: &ToolEntity,
    reads: Reads,
    arguments: &Value,
    context: &mut Vec<(&'static str, Restricted)>,
) -> Result<(), DenyReason> {
    if let (Some(kind), true) = (&tool.arguments, reads.args) {
        context.push(("args", kind.express(arguments).map_err(|_| DenyReason::Arguments)?));
    }
    if reads.args_json {
        let canonical = String::from_utf8(briefcase_json::canonical(arguments)).map_err(|_| DenyReason::Arguments)?;
        context.push(("args_json", Restricted::new_string(canonical)));
    }
    if reads.arg_names {
        let names = arguments.as_object().into_iter().flat_map(serde_json::Map::keys);
        context.push(("arg_names", Restricted::new_set(names.map(|name| text(name)))));
    }
    Ok(())
}

/// Returns seconds since 1970, hour 0 to 23, and weekday 1 (Monday) to 7 (Sunday), all in UTC.
fn clock(now: UnixMillis) -> (i64, i64, i64) {
    let seconds = now.0 / 1000;
    let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    // 1 January 1970 was a Thursday, weekday 4.
    (long(seconds), long(seconds / 3600 % 24), long((seconds / 86_400 + 3) % 7 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_policies_is_utc() {
        assert_eq!(clock(UnixMillis(0)), (0, 0, 4));
        // 2026-11-21T09:30:00Z, a Saturday.
        assert_eq!(clock(UnixMillis(1_795_253_400_000)), (1_795_253_400, 9, 6));
    }
}
