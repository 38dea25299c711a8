//! `briefcase doctor`

mod gateway;

use std::os::unix::fs::PermissionsExt as _;

use briefcase_api::{Check, Problem, Severity};
use clap::Args;

use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
};

const EXAMPLES: &str = "\
Examples:
  briefcase doctor
  briefcase doctor --json | jq '.[] | select(.severity != \"ok\")'

Exit code 1 when something is broken. It works without briefcased too, and reports that.";

/// Check for problems and missing protections
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {}

impl Doctor {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let mut checks = own_checks(ctx);
        checks.extend(gateway::check(ctx).await);
        match ctx.client.doctor().await {
            Ok(found) => checks.extend(found),
            Err(error) => {
                let problem = Problem::from(error);
                let severity = if problem.code == "locked" { Severity::Warn } else { Severity::Fail };
                checks.push(check("daemon", severity, &problem.message, Some(&problem.next_step)));
            }
        }
        let broken = checks.iter().any(|check| check.severity == Severity::Fail);
        Ok(CommandResult::new(output(&checks), &checks).negative(broken))
    }
}

fn check(name: &str, severity: Severity, message: &str, next_step: Option<&str>) -> Check {
    Check { name: name.to_owned(), severity, message: message.to_owned(), next_step: next_step.map(str::to_owned) }
}

/// Checks without the daemon: programs, folders, token files.
fn own_checks(ctx: &CommandContext) -> Vec<Check> {
    let mut checks = Vec::new();
    for name in ["briefcased", "briefcase-jail", "mcp-gateway"] {
        checks.push(match ctx.program(name) {
            Ok(path) => check(name, Severity::Ok, &format!("{} is there.", path.display()), None),
            Err(_) => check(
                name,
                Severity::Fail,
                &format!("The program `{name}` is neither beside this one nor in PATH."),
                Some("Install all programs of one version into one folder."),
            ),
        });
    }
    for name in ["briefcase-enclave", "briefcase-demo"] {
        checks.push(match ctx.companion(name) {
            Ok(path) => check(name, Severity::Ok, &format!("{} is there.", path.display()), None),
            Err(_) => check(
                name,
                Severity::Warn,
                &format!("The program `{name}` is not beside this one: its command does not work."),
                Some("Install all programs of one version into one folder."),
            ),
        });
    }
    for (name, path) in [("state folder", &ctx.paths.state), ("config folder", &ctx.paths.config)] {
        checks.push(private(name, path));
    }
    let agents = ctx.paths.config.join("agents");
    for entry in std::fs::read_dir(agents).into_iter().flatten().flatten() {
        let found = private("agent token", &entry.path());
        if found.severity != Severity::Ok {
            checks.push(found);
        }
    }
    checks
}

fn private(name: &str, path: &std::path::Path) -> Check {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(meta) if meta.permissions().mode() & 0o077 == 0 => {
            check(name, Severity::Ok, &format!("{shown} is private."), None)
        }
        Ok(_) => {
            let next = format!("Run `chmod go-rwx {shown}`.");
            check(name, Severity::Fail, &format!("{shown} can be entered or read by others."), Some(&next))
        }
        Err(_) => check(name, Severity::Warn, &format!("{shown} is not there."), Some("Run `briefcase setup`.")),
    }
}

fn output(checks: &[Check]) -> TextOutput {
    let mut output = TextOutput::new();
    for check in checks {
        let mark = match check.severity {
            Severity::Ok => span("✓ ok   ", Tone::Good),
            Severity::Warn => span("! warn ", Tone::Warn),
            Severity::Fail => span("✗ FAIL ", Tone::Bad),
        };
        output.line([mark, span(format!("{}: ", check.name), Tone::Strong), check.message.as_str().into()]);
        if let Some(next) = check.next_step.as_ref().filter(|_| check.severity != Severity::Ok) {
            output.line(["       ".into(), span("→ ", Tone::Name), next.as_str().into()]);
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_told_apart_without_colour() {
        let checks = [
            check("undumpable", Severity::Ok, "Other processes cannot read its memory.", None),
            check("passkey", Severity::Warn, "Only a PIN is enrolled.", Some("`briefcase factor add passkey`")),
            check("head", Severity::Fail, "The database is older than its head.", Some("Restore a backup.")),
        ];
        insta::assert_snapshot!(output(&checks).render(false));
    }
}
