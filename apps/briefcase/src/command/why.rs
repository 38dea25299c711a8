//! `briefcase why RECEIPT`

use briefcase_api::Why as View;
use briefcase_types::ReceiptIndex;
use clap::Args;
use serde_json::Value;

use super::receipts;
use crate::{
    failure::Failure,
    page::{Page, Tone, span},
    screen::Answer,
    surroundings::Surroundings,
};

const EXAMPLES: &str = "\
Examples:
  briefcase why r1042
  briefcase policy why r1042      the same";

/// Why a call was allowed, asked about or refused
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Why {
    /// The receipt, such as r1042
    receipt: ReceiptIndex,
}

impl Why {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        let why: View = around.client.get(&format!("/v1/why/{}", self.receipt)).await?;
        Ok(Answer::new(page(&why), &why))
    }
}

fn page(why: &View) -> Page {
    let mut page = Page::new();
    page.line([span(format!("{}: ", why.id), Tone::Name), span(&why.summary, Tone::Strong)]);
    for policy in &why.policies {
        let text = |name: &str| policy.get(name).and_then(Value::as_str).unwrap_or_default();
        let line = policy.get("line").and_then(Value::as_u64).map(|line| format!(" (line {line})")).unwrap_or_default();
        page.blank().line([span(text("id"), Tone::Name), span(line, Tone::Dim)]);
        page.block(text("text"), "    ", Tone::Plain);
    }
    if !why.approvals.is_empty() {
        page.blank().heading("A person was asked:");
        page.append(receipts::rows_page(&why.approvals));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deciding_policy_is_shown_with_its_line() {
        let why = View {
            id: ReceiptIndex(42),
            summary: "It was refused: denied (policy).".into(),
            policies: vec![serde_json::json!({
                "id": "no-keys", "line": 3, "text": "@id(\"no-keys\")\nforbid (principal, action, resource);"
            })],
            approvals: vec![],
        };
        insta::assert_snapshot!(page(&why).render(false));
    }
}
