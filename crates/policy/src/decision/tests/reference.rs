//! Attack 60: random policies and requests, decided by Cedar and by a small evaluator written from the specification of
//! a decision. Both must agree on the verdict, the reason, and the named policies.

use super::*;

/// Policy sets and requests for each. 10,000 sets (a million cases) with the feature `many-cases`.
const SETS: u64 = if cfg!(feature = "many-cases") { 10_000 } else { 200 };
const REQUESTS: usize = 100;

/// Repeatable dice (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const AGENTS: [&str; 3] = ["dev", "ops", "stranger"];
const TOOLS: [&str; 4] = ["mail/send", "mail/search", "mail/purge", "files/read"];
const SERVERS: [&str; 2] = ["mail", "files"];
const LABELS: [&str; 3] = ["private_data", "untrusted_content", "external"];

enum Cond {
    Approved,
    Label(&'static str, bool),
    Class(&'static str),
    CostAtLeast(i64),
    HourAtLeast(i64),
    CountAtLeast(i64),
    Overflow,
    Not(Box<Cond>),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
}

struct Rule {
    id: String,
    forbid: bool,
    agent: Option<&'static str>,
    action: Option<&'static str>,
    resource: Option<String>,
    when: Cond,
}

struct Asked {
    agent: &'static str,
    action: &'static str,
    labels: Vec<&'static str>,
    hour: i64,
    count: Option<i64>,
}

impl Cond {
    fn random(dice: &mut Dice, action: Option<&str>, depth: usize) -> Self {
        let deeper = if depth < 3 { 3 } else { 0 };
        let call = action.is_some_and(|action| action == "call" || action.contains('/'));
        match dice.roll(7 + deeper) {
            0 => Self::Approved,
            1 => Self::Label(dice.pick(&LABELS), dice.roll(2) == 0),
            2 => Self::HourAtLeast(i64::try_from(dice.roll(24)).unwrap()),
            3 if dice.roll(4) == 0 => Self::Overflow,
            4 if call => Self::Class(dice.pick(&["read", "write", "unknown"])),
            5 if call => Self::CostAtLeast(i64::try_from(dice.roll(3)).unwrap()),
            6 if action == Some("mail/send") => Self::CountAtLeast(i64::try_from(dice.roll(5)).unwrap()),
            7 => Self::Not(Box::new(Self::random(dice, action, depth + 1))),
            8 => Self::And(
                Box::new(Self::random(dice, action, depth + 1)),
                Box::new(Self::random(dice, action, depth + 1)),
            ),
            9 => Self::Or(
                Box::new(Self::random(dice, action, depth + 1)),
                Box::new(Self::random(dice, action, depth + 1)),
            ),
            _ => Self::Approved,
        }
    }

    fn cedar(&self) -> String {
        match self {
            Self::Approved => "context.approved".into(),
            Self::Label(label, server) => {
                format!("context.{}labels.contains(\"{label}\")", if *server { "server_" } else { "" })
            }
            Self::Class(class) => format!("context.class == \"{class}\""),
            Self::CostAtLeast(cost) => format!("context.cost_micros >= {cost}"),
            Self::HourAtLeast(hour) => format!("context.hour >= {hour}"),
            Self::CountAtLeast(count) => format!("(context.args has count && context.args.count >= {count})"),
            Self::Overflow => "(context.time * 9223372036854775807 >= 0)".into(),
            Self::Not(cond) => format!("!({})", cond.cedar()),
            Self::And(one, two) => format!("(({}) && ({}))", one.cedar(), two.cedar()),
            Self::Or(one, two) => format!("(({}) || ({}))", one.cedar(), two.cedar()),
        }
    }

    fn holds(&self, asked: &Asked, approved: bool) -> Result<bool, ()> {
        Ok(match self {
            Self::Approved => approved,
            Self::Label(label, false) => asked.labels.contains(label),
            Self::Label(label, true) => match asked.action.split('/').next() {
                Some("mail") => ["untrusted_content", "external"].contains(label),
                _ => ["untrusted_content", "private_data"].contains(label),
            },
            Self::Class(class) => match asked.action {
                "mail/send" => *class == "write",
                "mail/purge" => *class == "unknown",
                _ => *class == "read",
            },
            Self::CostAtLeast(cost) => 0 >= *cost,
            Self::HourAtLeast(hour) => asked.hour >= *hour,
            Self::CountAtLeast(count) => asked.count.is_some_and(|given| given >= *count),
            Self::Overflow => return if asked.hour > 0 { Err(()) } else { Ok(true) },
            Self::Not(cond) => !cond.holds(asked, approved)?,
            Self::And(one, two) => one.holds(asked, approved)? && two.holds(asked, approved)?,
            Self::Or(one, two) => one.holds(asked, approved)? || two.holds(asked, approved)?,
        })
    }
}

impl Rule {
    fn random(dice: &mut Dice, number: usize) -> Self {
        let agent = (dice.roll(2) == 0).then(|| dice.pick(&AGENTS));
        let action = match dice.roll(4) {
            0 => None,
            1 => Some("call"),
            2 => Some("elicit"),
            _ => Some(dice.pick(&TOOLS)),
        };
        let on_tool = action.is_some_and(|action| action != "elicit");
        let resource = match dice.roll(3) {
            0 => Some(format!("in Server::\"{}\"", dice.pick(&SERVERS))),
            1 if on_tool => Some(format!("== Tool::\"{}\"", dice.pick(&TOOLS))),
            _ => None,
        };
        let when = Cond::random(dice, action, 0);
        Self { id: format!("p{number}"), forbid: dice.roll(3) == 0, agent, action, resource, when }
    }

    fn cedar(&self) -> String {
        let effect = if self.forbid { "forbid" } else { "permit" };
        let agent = self.agent.map_or(String::new(), |agent| format!(" == Agent::\"{agent}\""));
        let action = self.action.map_or(String::new(), |action| format!(" in Action::\"{action}\""));
        let resource = self.resource.as_ref().map_or(String::new(), |resource| format!(" {resource}"));
        let when = self.when.cedar();
        format!(
            "@id(\"{}\") {effect} (principal{agent}, action{action}, resource{resource}) when {{ {when} }};\n",
            self.id
        )
    }

    fn matches(&self, asked: &Asked) -> bool {
        let is_call = asked.action.contains('/');
        let server = if is_call { asked.action.split('/').next().unwrap() } else { "files" };
        let resource = match &self.resource {
            None => true,
            Some(scope) if scope.starts_with("in ") => *scope == format!("in Server::\"{server}\""),
            Some(scope) => *scope == format!("== Tool::\"{}\"", asked.action),
        };
        let action = self.action.is_none_or(|action| action == asked.action || (is_call && action == "call"));
        self.agent.is_none_or(|agent| agent == asked.agent) && action && resource
    }
}

/// Ids of rules that apply: permits, forbids, failures.
fn evaluate(rules: &[Rule], asked: &Asked, approved: bool) -> [Vec<String>; 3] {
    let mut found = [vec![], vec![], vec![]];
    for rule in rules.iter().filter(|rule| rule.matches(asked)) {
        match rule.when.holds(asked, approved) {
            Ok(true) => found[usize::from(rule.forbid)].push(rule.id.clone()),
            Ok(false) => {}
            Err(()) => found[2].push(rule.id.clone()),
        }
    }
    found.iter_mut().for_each(|ids| ids.sort());
    found
}

fn reference(rules: &[Rule], asked: &Asked) -> Verdict {
    let deny = |policies, reason| Verdict::Deny { policies, reason };
    if asked.agent == "stranger" {
        return deny(vec![], DenyReason::Agent);
    }
    let [permits, forbids, failures] = evaluate(rules, asked, false);
    if !failures.is_empty() {
        return deny(failures, DenyReason::PolicyError);
    }
    if forbids.is_empty() && !permits.is_empty() {
        return Verdict::Allow { policies: permits, grant: None };
    }
    let [mut permits, forbidden, failures] = evaluate(rules, asked, true);
    if !failures.is_empty() {
        return deny(failures, DenyReason::PolicyError);
    }
    if !forbidden.is_empty() {
        return deny(forbidden, DenyReason::Forbidden);
    }
    if permits.is_empty() {
        return deny(vec![], DenyReason::NothingPermits);
    }
    permits.extend(forbids.iter().cloned());
    Verdict::Ask { policies: permits, fresh: !forbids.is_empty() }
}

fn ask(dice: &mut Dice) -> Asked {
    let action = if dice.roll(6) == 0 { "elicit" } else { dice.pick(&TOOLS) };
    let labels = LABELS.into_iter().take(2).filter(|_| dice.roll(2) == 0).collect();
    let hour = i64::try_from(dice.roll(24)).unwrap();
    Asked { agent: dice.pick(&AGENTS), action, labels, hour, count: (dice.roll(2) == 0).then_some(2) }
}

fn decide(set: &PolicySet, asked: &Asked) -> Verdict {
    let agent: AgentId = id(asked.agent);
    let labels = asked.labels.iter().map(|label| label.parse::<Label>().unwrap()).collect();
    let now = UnixMillis(u64::try_from(asked.hour).unwrap() * 3_600_000);
    let (server, tool) = asked.action.split_once('/').unwrap_or(("files", "none"));
    let (server, tool): (ServerId, ToolName) = (id(server), id(tool));
    let arguments = match asked.action {
        "mail/send" => asked.count.map_or(json!({ "to": "x" }), |count| json!({ "to": "x", "count": count })),
        "mail/purge" => json!({}),
        _ => json!({ "q": "x" }),
    };
    let action = match asked.action {
        "elicit" => Action::Elicit,
        _ => Action::Call { tool: &tool, arguments: &arguments },
    };
    set.decide(&Facts { agent: &agent, server: &server, action, labels, now })
}

#[test]
fn attack_60_cedar_and_the_reference_agree() {
    let mut base = World::new();
    base.authority = base.authority.add_agent(id("ops"), Digest::sha256(b"ops"), UnixMillis(0)).unwrap().document;
    // Policies may name a removed agent; its requests are denied before any policy.
    let (mut compared, mut words) = (0_u64, std::collections::BTreeMap::<&str, u64>::new());
    for seed in 1..=SETS {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let count = 1 + dice.roll(8);
        let rules: Vec<_> = (0..count).map(|number| Rule::random(&mut dice, number)).collect();
        let text: String = rules.iter().map(Rule::cedar).collect();
        let world =
            World { authority: base.authority.clone(), definitions: base.definitions.clone() }.with_policy(&text);
        let set = world.compile().unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        for _ in 0..REQUESTS {
            let asked = ask(&mut dice);
            let (expected, got) = (reference(&rules, &asked), decide(&set, &asked));
            assert_eq!(got, expected, "seed {seed}, {} {} {:?}\n{text}", asked.agent, asked.action, asked.labels);
            *words.entry(got.as_str()).or_default() += 1;
            compared += 1;
        }
    }
    println!("{compared} cases agree: {words:?}");
    assert!(words.len() == 3 && words.values().all(|count| *count > compared / 100), "every verdict occurs: {words:?}");
}
