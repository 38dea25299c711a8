//! `briefcase fsck`

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    daemon,
    failure::Failure,
    page::{Page, Tone, span},
    screen::{Answer, waiting},
    surroundings::Surroundings,
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
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        let done = waiting("Checking", daemon::run(around, &["fsck", "--json"], &Zeroizing::new(Vec::new()))).await;
        match done {
            Ok(printed) => {
                let found: Value = serde_json::from_slice(&printed).unwrap_or_else(|_| json!({ "ok": true }));
                Ok(Answer::new(page(&found), &found))
            }
            Err(Failure::Problem(problem)) if problem.code == "failed" => {
                let mut page = Page::new();
                page.line([span("✗ ", Tone::Bad), problem.message.as_str().into()]);
                page.next("Restore a backup with `briefcase restore`.");
                Ok(Answer::new(page, &json!({ "ok": false, "reason": problem.message })).negative(true))
            }
            Err(failure) => Err(failure),
        }
    }
}

fn page(found: &Value) -> Page {
    let mut page = Page::new();
    page.line([span("✓ ", Tone::Good), "The record and the state on disk are whole.".into()]);
    for (name, value) in found.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        page.field(name, value);
    }
    page
}
