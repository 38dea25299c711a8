//! `briefcase policy edit` and `briefcase policy set`

use std::{io::Write as _, path::Path};

use briefcase_api::Change;
use similar::{ChangeTag, TextDiff};
use tokio::process::Command;

use super::{check, report_output};
use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
    terminal::Terminal,
};

/// Edits the policy in force until it is valid or the person cancels.
pub async fn run(ctx: &CommandContext) -> Result<CommandResult, Failure> {
    let terminal = Terminal::open()?;
    let before = ctx.client.policy().await?;
    let mut text = before.text.clone();
    loop {
        text = edited(ctx, &text).await?;
        if text == before.text {
            return Ok(unchanged());
        }
        let report = check(ctx, text.clone()).await?;
        if report.ok {
            return apply(ctx, text).await;
        }
        terminal.show(&report_output(&report))?;
        if !terminal.confirm("Edit it again?")? {
            return Err(Failure::Cancelled);
        }
    }
}

/// Shows the effect of a policy text, and applies it.
pub async fn apply(ctx: &CommandContext, text: String) -> Result<CommandResult, Failure> {
    let before = ctx.client.policy().await?;
    if text == before.text {
        return Ok(unchanged());
    }
    let report = check(ctx, text.clone()).await?;
    if !report.ok {
        return Ok(CommandResult::new(report_output(&report), &report).negative(true));
    }
    let mut output = difference(&before.text, &text);
    output.blank().append(report_output(&report));
    Terminal::open()?.show(&output)?;
    let applied = change::confirm(ctx, Change::SetPolicy { text }).await?;
    Ok(change::answer("The policy is in force.", &applied))
}

fn unchanged() -> CommandResult {
    CommandResult::new(TextOutput::of("The policy was not changed."), &serde_json::json!({ "changed": false }))
}

/// Opens the text in the person's editor, without a shell.
async fn edited(ctx: &CommandContext, text: &str) -> Result<String, Failure> {
    let editor = ctx.editor.clone().unwrap_or_else(|| "vi".into());
    let editor = editor.to_string_lossy();
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let mut file = tempfile::Builder::new().prefix("briefcase-policy-").suffix(".cedar").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    let path: &Path = file.path();
    let status = Command::new(program).args(words).arg(path).status().await.map_err(|error| {
        let text = format!("The editor `{program}` could not be started: {error}.");
        Failure::usage(text, "Set EDITOR to one that is installed, or use `briefcase policy set FILE`.")
    })?;
    if !status.success() {
        return Err(Failure::Cancelled);
    }
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))
}

fn difference(before: &str, after: &str) -> TextOutput {
    let mut output = TextOutput::new();
    let diff = TextDiff::from_lines(before, after);
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (mark, tone) = match change.tag() {
                ChangeTag::Delete => ("- ", Tone::Bad),
                ChangeTag::Insert => ("+ ", Tone::Good),
                ChangeTag::Equal => ("  ", Tone::Dim),
            };
            let line = change.value().trim_end_matches(['\r', '\n']);
            output.line([span(mark, tone), span(line, tone)]);
        }
        output.line([span("  …", Tone::Dim)]);
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_would_hide_in_it() {
        let text = difference("permit (a);\n", "permit (a);\nforbid (b\u{202e});\n").render(false);
        assert_eq!(text, "  permit (a);\n+ forbid (b\\u{202e});\n  …\n");
    }
}
