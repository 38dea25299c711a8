//! `briefcase receipts show`

use briefcase_api::ReceiptDetail;
use briefcase_types::ReceiptIndex;
use clap::Args;
use serde_json::Value;

use super::rows;
use crate::{
    failure::Failure,
    page::{Page, Tone, span},
    screen::Answer,
    surroundings::Surroundings,
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
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        let detail: ReceiptDetail = around.client.get(&format!("/v1/receipts/{}", self.receipt)).await?;
        Ok(Answer::new(page(&detail), &detail))
    }
}

fn page(detail: &ReceiptDetail) -> Page {
    let mut page = Page::new();
    page.heading(format!("Receipt {}", detail.id));
    for (name, value) in detail.receipt.as_object().into_iter().flatten() {
        page.field(
            name,
            match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
        );
    }
    match &detail.opening {
        Some(opening) => {
            page.blank().heading("What it commits to (kept sealed on this computer, not in the record):");
            page.block(&format!("{opening:#}"), "  ", Tone::Plain);
        }
        None => {
            page.blank().line([span("What it commits to is not kept, or the vault is closed.", Tone::Dim)]);
        }
    }
    if !detail.related.is_empty() {
        page.blank().heading("Of the same call:");
        page.append(rows::page(&detail.related));
    }
    page.blank().heading("Proof that it is in the log:");
    page.field("leaf", detail.proof.leaf.to_string());
    page.field("path", format!("{} hashes", detail.proof.path.len()));
    page.block(&detail.proof.checkpoint, "    ", Tone::Dim);
    page.next(format!("Check it yourself: `briefcase receipts proof {} --out FOLDER`", detail.id));
    page
}
