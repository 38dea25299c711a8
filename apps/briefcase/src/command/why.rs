//! `briefcase why RECEIPT`

use briefcase_api::Why as View;
use briefcase_types::ReceiptIndex;
use clap::Args;

use super::receipts;
use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
};

const EXAMPLES: &str = "\
Examples:
  briefcase why r1042
  briefcase policy why r1042      the same";

/// Explain why a call was allowed, needed approval, or was refused
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Why {
    /// The receipt, such as r1042
    receipt: ReceiptIndex,
}

impl Why {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let why = ctx.client.why(self.receipt).await?;
        Ok(CommandResult::new(output(&why), &why))
    }
}

fn output(why: &View) -> TextOutput {
    let mut output = TextOutput::new();
    output.line([span(format!("{}: ", why.id), Tone::Name), span(&why.summary, Tone::Strong)]);
    for policy in &why.policies {
        let line = policy.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        output.blank().line([span(&policy.id, Tone::Name), span(line, Tone::Dim)]);
        output.block(&policy.text, "    ", Tone::Plain);
    }
    if !why.approvals.is_empty() {
        output.blank().heading("Approval request:");
        output.append(receipts::rows_output(&why.approvals));
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deciding_policy_is_shown_with_its_line() {
        let why = View {
            id: ReceiptIndex(42),
            summary: "It was refused: denied (policy).".into(),
            policies: vec![briefcase_api::DecidingPolicy {
                id: "no-keys".into(),
                line: Some(3),
                text: "@id(\"no-keys\")\nforbid (principal, action, resource);".into(),
            }],
            approvals: vec![],
        };
        insta::assert_snapshot!(output(&why).render(false));
    }
}
