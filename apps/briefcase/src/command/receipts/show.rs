//! `briefcase receipts show`

use briefcase_api::ReceiptDetail;
use briefcase_types::ReceiptIndex;
use clap::Args;
use serde_json::Value;

use super::rows;
use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
};

const EXAMPLES: &str = "\
Examples:
  briefcase receipts show r1042
  briefcase receipts show r1042 --json | jq .proof.checkpoint -r";

/// Show one receipt with everything about it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// The receipt, such as r1042
    receipt: ReceiptIndex,
}

impl Show {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let detail = ctx.client.receipt(self.receipt).await?;
        Ok(CommandResult::new(output(&detail), &detail))
    }
}

fn output(detail: &ReceiptDetail) -> TextOutput {
    let mut output = TextOutput::new();
    output.heading(format!("Receipt {}", detail.id));
    for (name, value) in detail.receipt.as_object().into_iter().flatten() {
        output.field(
            name,
            match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
        );
    }
    match &detail.opening {
        Some(opening) => {
            output.blank().heading("Arguments (stored encrypted on this computer, not in the record):");
            output.block(&format!("{opening:#}"), "  ", Tone::Plain);
        }
        None => {
            output.blank().line([span("Arguments are not stored, or the vault is locked.", Tone::Dim)]);
        }
    }
    if !detail.related.is_empty() {
        output.blank().heading("Receipts of the same call:");
        output.append(rows::output(&detail.related));
    }
    output.blank().heading("Inclusion proof:");
    output.field("leaf", detail.proof.leaf.to_string());
    output.field("path", format!("{} hashes", detail.proof.path.len()));
    output.block(&detail.proof.checkpoint, "    ", Tone::Dim);
    output.next(format!("Verify it yourself: `briefcase receipts proof {} --out FOLDER`", detail.id));
    output
}
