//! `briefcase fsck`

use clap::Args;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    context::CommandContext,
    daemon,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
};

const EXAMPLES: &str = "\
Example:
  briefcase down && briefcase fsck && briefcase up

Reads every receipt, hash and document on disk and compares them with the signed head. Exit code 1 when something is wrong.";

/// Check the whole record and state on disk
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Fsck {}

impl Fsck {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let finished =
            waiting("Checking", daemon::output(ctx, &["fsck", "--json"], &Zeroizing::new(Vec::new()))).await?;
        // Findings exit with an error code too. Only a check that could not run prints no findings.
        let found: Value = serde_json::from_slice(&finished.stdout).map_err(|_| daemon::ended(&finished))?;
        let clean = found.get("clean") == Some(&Value::Bool(true));
        Ok(CommandResult::new(output(&found, clean), &found).negative(!clean))
    }
}

fn output(found: &Value, clean: bool) -> TextOutput {
    let text = |value: &Value, name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let list = |name: &str| found.get(name).and_then(Value::as_array).into_iter().flatten();
    let mut output = TextOutput::new();
    let receipts = text(found, "receipts");
    if clean {
        output.line([
            span("✓ ", Tone::Good),
            format!("{receipts} receipts checked: record and state are intact.").into(),
        ]);
    } else {
        output.line([
            span("✗ ", Tone::Bad),
            span(format!("{receipts} receipts checked: the record is not intact."), Tone::Strong),
        ]);
    }
    for finding in list("findings") {
        let place = format!("{} {}", text(finding, "fault"), text(finding, "receipt"));
        output.line(["  ".into(), span(place.trim(), Tone::Bad), ": ".into(), text(finding, "what").into()]);
        output.line(["    ".into(), span("→ ", Tone::Name), text(finding, "next_step").into()]);
    }
    let unchecked: Vec<&str> = list("unchecked").filter_map(Value::as_str).collect();
    if !unchecked.is_empty() {
        output.line([span("  not checked without the vault: ", Tone::Dim), unchecked.join(", ").into()]);
    }
    output
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn findings_name_the_place_and_the_way_out() {
        let found = json!({
            "clean": false, "receipts": 12, "unchecked": ["authority"],
            "findings": [{"fault": "Edited", "receipt": "r7", "what": "bytes differ", "next_step": "Restore a backup."}],
        });
        insta::assert_snapshot!(output(&found, false).render(false));
    }
}
