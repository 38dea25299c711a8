//! The text form of a policy. Unknown or malformed lines are errors, so a typo never weakens the quorum.

use std::collections::BTreeMap;

use super::{KnownLog, KnownWitness, LogPolicy, LogPolicyError, Rule};

/// The maximum number of logs, of witnesses and of groups.
const EACH_MAX: usize = 64;

#[derive(Default)]
struct Draft {
    logs: Vec<KnownLog>,
    witnesses: Vec<KnownWitness>,
    /// Names that are still free to use: each name's rule, until a group or the quorum uses it.
    names: BTreeMap<String, Option<Rule>>,
    quorum: Option<Rule>,
}

pub(super) fn policy(text: &str) -> Result<LogPolicy, LogPolicyError> {
    let mut draft = Draft::default();
    for (number, line) in (1..).zip(text.lines()) {
        draft.line(line).map_err(|problem| LogPolicyError::Text { line: number, problem })?;
    }
    let missing = LogPolicyError::Text { line: 0, problem: "the quorum line is missing" };
    Ok(LogPolicy { logs: draft.logs, witnesses: draft.witnesses, quorum: draft.quorum.ok_or(missing)? })
}

impl Draft {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if line.chars().any(|letter| letter != '\t' && letter.is_control()) {
            return Err("the line contains a control character");
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [word, ..] if word.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, least, members @ ..] => self.group(name, least, members),
            ["quorum", name] => self.quorum(name),
            _ => Err("expected `log`, `witness`, `group` or `quorum` with the right number of words"),
        }
    }

    fn log(&mut self, key: &str, url: Option<&&str>) -> Result<(), &'static str> {
        let key = key.parse().map_err(|_| "the log's verifier key is invalid")?;
        let log = KnownLog { key, url: url.map(|url| (*url).to_owned()) };
        if self.logs.iter().any(|other| other.key.key == log.key.key) {
            return Err("two logs share a key");
        }
        if self.logs.len() >= EACH_MAX {
            return Err("too many logs");
        }
        self.logs.push(log);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&&str>) -> Result<(), &'static str> {
        let witness: crate::Witness = key.parse().map_err(|_| "the witness's verifier key is invalid")?;
        if self.witnesses.iter().any(|other| other.witness.key() == witness.key()) {
            return Err("two witnesses share a key");
        }
        self.name(name, Rule::Witness(self.witnesses.len()))?;
        self.witnesses.push(KnownWitness { name: name.to_owned(), witness, url: url.map(|url| (*url).to_owned()) });
        Ok(())
    }

    fn group(&mut self, name: &str, least: &str, members: &[&str]) -> Result<(), &'static str> {
        let least = match least {
            "any" => 1,
            "all" => members.len(),
            number => number.parse().map_err(|_| "the threshold must be `any`, `all` or a number")?,
        };
        if !(1..=members.len()).contains(&least) {
            return Err("the threshold must be between 1 and the number of members");
        }
        let members = members.iter().map(|member| self.take(member)).collect::<Result<_, _>>()?;
        self.name(name, Rule::Group(least, members))
    }

    fn quorum(&mut self, name: &str) -> Result<(), &'static str> {
        if self.quorum.is_some() {
            return Err("the quorum line appears twice");
        }
        self.quorum =
            Some(if name == "none" { Rule::None } else { self.names.get(name).cloned().flatten().ok_or(UNKNOWN)? });
        Ok(())
    }

    fn name(&mut self, name: &str, rule: Rule) -> Result<(), &'static str> {
        if name == "none" || self.names.contains_key(name) {
            return Err("the name is already defined");
        }
        if self.names.len() >= 2 * EACH_MAX {
            return Err("too many names");
        }
        self.names.insert(name.to_owned(), Some(rule));
        Ok(())
    }

    /// Marks a name as a member of a group. A name can be used once.
    fn take(&mut self, name: &str) -> Result<Rule, &'static str> {
        self.names.get_mut(name).and_then(Option::take).ok_or(UNKNOWN)
    }
}

const UNKNOWN: &str = "the name is not defined above, or is already a member of a group";
