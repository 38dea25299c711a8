//! `briefcase policy`

mod edit;
mod test;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use briefcase_api::{PolicyReport, PolicyText};
use clap::{Args, Subcommand};

use super::why;
use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{self, CommandResult, waiting},
};

const EXAMPLES: &str = "\
Examples:
  briefcase policy show
  briefcase policy show --schema       the names that rules can use
  briefcase policy edit                in $EDITOR; shows which recent calls it would affect
  briefcase policy check rules.cedar   exit code 1 when it is not valid
  briefcase policy set rules.cedar
  briefcase policy test cases.toml     your own cases; exit code 1 when one fails
  briefcase policy why r1042";

const CASES: &str = "\
Examples:
  briefcase policy test cases.toml
  briefcase policy test cases.toml --policy rules.cedar    try a text that is not in force

A file of cases, TOML or JSON ({\"case\": [...]} or a list):
  [[case]]
  name = \"keys stay\"
  agent = \"codex\"
  server = \"files\"
  tool = \"read_text_file\"
  arguments = { path = \"/home/me/.ssh/id_ed25519\" }
  labels = [\"untrusted_content\"]
  expect = \"deny\"        # allow, ask or deny";

/// Show, edit and test the policy
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Policy {
    /// Print the policy in force
    #[command(after_help = EXAMPLES)]
    Show(Show),
    /// Edit the policy in $EDITOR, review its effect, and apply it
    #[command(after_help = EXAMPLES)]
    Edit,
    /// Replace the policy with the text of a file
    #[command(after_help = EXAMPLES)]
    Set(File),
    /// Check that a text is valid, and list the recent calls it would affect
    #[command(after_help = EXAMPLES)]
    Check(File),
    /// Run your own cases
    #[command(after_help = CASES)]
    Test(test::Test),
    /// Explain why a call was allowed, needed approval, or was refused
    #[command(after_help = EXAMPLES)]
    Why(why::Why),
}

/// The part of the policy to show.
#[derive(Debug, Args)]
pub struct Show {
    /// Print the Cedar schema instead: the names that rules can use
    #[arg(long)]
    schema: bool,
}

/// A policy text in a file.
#[derive(Debug, Args)]
pub struct File {
    /// Cedar text; `-` is stdin
    file: PathBuf,
}

impl Policy {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::Show(Show { schema }) => show(ctx, schema).await,
            Self::Edit => edit::run(ctx).await,
            Self::Set(File { file }) => edit::apply(ctx, read(&file)?).await,
            Self::Check(File { file }) => {
                let report = check(ctx, read(&file)?).await?;
                let negative = !report.ok;
                Ok(CommandResult::new(report_output(&report), &report).negative(negative))
            }
            Self::Test(command) => command.run(ctx).await,
            Self::Why(command) => command.run(ctx).await,
        }
    }
}

async fn show(ctx: &CommandContext, schema: bool) -> Result<CommandResult, Failure> {
    let policy = ctx.client.policy().await?;
    let text = if schema { policy.schema.as_deref().unwrap_or_default() } else { &policy.text };
    let mut output = TextOutput::new();
    if !ctx.json && !std::io::stdout().is_terminal() {
        // Byte for byte, for a file or another program.
        printer::raw(text.as_bytes())?;
    } else {
        output.block(text, "", Tone::Plain);
    }
    Ok(CommandResult::new(output, &policy))
}

/// Reads a text file of at most a mebibyte.
fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read as _;
    const FILE_MAX: u64 = 1024 * 1024;
    let mut text = String::new();
    let done = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(FILE_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
    };
    done.map_err(|error| Failure::file(path, &error))?;
    Ok(text)
}

async fn check(ctx: &CommandContext, text: String) -> Result<PolicyReport, Failure> {
    let body = PolicyText { text, schema: None };
    Ok(waiting("Checking", ctx.client.check_policy(&body)).await?)
}

fn report_output(report: &PolicyReport) -> TextOutput {
    let mut output = TextOutput::new();
    if !report.ok {
        output.line([span("✗ Not valid:", Tone::Bad)]);
        for problem in &report.problems {
            output.block(problem, "  ", Tone::Plain);
        }
        return output;
    }
    output.line([
        span("✓ ", Tone::Good),
        format!("{} policies: {}", report.policies.len(), report.policies.join(", ")).into(),
    ]);
    if report.replay.is_empty() {
        output.text("  No recent calls would be affected.");
    } else {
        output.line([span("  Recent calls that would be decided differently:", Tone::Warn)]);
        for line in &report.replay {
            output.line([span("    • ", Tone::Warn), line.as_str().into()]);
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_would_change_is_told_before_it_is_applied() {
        let usable = PolicyReport {
            ok: true,
            problems: vec![],
            policies: vec!["granted-reads-run".into(), "no-keys".into()],
            replay: vec!["r17: codex files/read_text_file would be deny instead of allow".into()],
        };
        let unusable = PolicyReport {
            ok: false,
            problems: vec!["3:9: unknown attribute `clas`; did you mean `class`?".into()],
            policies: vec![],
            replay: vec![],
        };
        insta::assert_snapshot!(report_output(&usable).render(false) + &report_output(&unusable).render(false));
    }
}
