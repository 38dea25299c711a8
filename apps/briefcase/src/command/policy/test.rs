//! `briefcase policy test`

use std::path::PathBuf;

use briefcase_api::{PolicyCase, PolicyTest, PolicyTestReport};
use clap::Args;
use serde_json::Value;

use super::read;
use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
};

/// Run your own cases
#[derive(Debug, Args)]
pub struct Test {
    /// Cases, TOML or JSON
    file: PathBuf,
    /// Try this text instead of the policy in force
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Test {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let cases = cases(&read(&self.file)?)?;
        let text = self.policy.as_deref().map(read).transpose()?;
        let report = waiting("Testing", ctx.client.test_policy(&PolicyTest { text, cases })).await?;
        let failed = report.failed > 0;
        Ok(CommandResult::new(output(&report), &report).negative(failed))
    }
}

/// Reads cases: JSON (a list, or an object with a list `case`), else TOML.
fn cases(text: &str) -> Result<Vec<PolicyCase>, Failure> {
    let next = "`briefcase policy test --help` shows a case.";
    let start = text.trim_start();
    let value: Value = if start.starts_with(['[', '{']) && !start.starts_with("[[") {
        serde_json::from_str(text).map_err(|error| Failure::usage(format!("The cases are not JSON: {error}."), next))?
    } else {
        toml::from_str(text).map_err(|error| Failure::usage(format!("The cases are not TOML: {error}"), next))?
    };
    let list = match value {
        Value::Object(mut members) => members.remove("case").unwrap_or_default(),
        other => other,
    };
    let cases: Vec<PolicyCase> =
        serde_json::from_value(list).map_err(|error| Failure::usage(format!("A case is invalid: {error}."), next))?;
    if cases.is_empty() { Err(Failure::usage("The file has no cases.", next)) } else { Ok(cases) }
}

fn output(report: &PolicyTestReport) -> TextOutput {
    let mut output = TextOutput::new();
    for result in &report.results {
        let passed = result.got == result.expect;
        let mark = if passed { span("✓ ", Tone::Good) } else { span("✗ ", Tone::Bad) };
        let decision =
            if passed { result.got.clone() } else { format!("expected {}, got {}", result.expect, result.got) };
        let by =
            if result.policies.is_empty() { String::new() } else { format!("  by {}", result.policies.join(", ")) };
        output.line([mark, result.name.as_str().into(), ": ".into(), decision.into(), span(by, Tone::Dim)]);
    }
    output.text(format!("{} cases, {} failed", report.results.len(), report.failed));
    output
}

#[cfg(test)]
mod tests {
    use briefcase_api::PolicyCaseResult;

    use super::*;

    #[test]
    fn cases_are_read_from_toml_and_json_alike() {
        let toml = "[[case]]\nname='n'\nagent='a'\nserver='s'\ntool='t'\nexpect='deny'\narguments={path='/x'}\n";
        let one = r#"{"name":"n","agent":"a","server":"s","tool":"t","expect":"deny","arguments":{"path":"/x"}}"#;
        let read = |text: &str| cases(text).unwrap();
        assert_eq!(read(toml), read(&format!("[{one}]")));
        assert_eq!(read(toml), read(&format!(r#"{{"case":[{one}]}}"#)));
        for wrong in
            ["", "[]", "case = 1", "[[case]]\nname='n'", "{", &format!("[{}]", one.replace("\"a\"", "\"A B\""))]
        {
            assert_eq!(cases(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn a_failed_case_names_the_expected_and_the_actual_decision() {
        let result = |name: &str, expect: &str, got: &str, by: &str| PolicyCaseResult {
            name: name.into(),
            expect: expect.into(),
            got: got.into(),
            policies: vec![by.into()],
        };
        let results = vec![
            result("reads run", "allow", "allow", "granted-reads-run"),
            result("keys stay", "deny", "ask", "other-calls-ask"),
        ];
        insta::assert_snapshot!(output(&PolicyTestReport { results, failed: 1 }).render(false));
    }
}
