//! Changing what has power: look, prove that a person is there, apply.
//!
//! Invariant: nothing is applied but the change whose preview was shown on the person's own terminal, and typing the PIN
//! there is the consent to it.

use briefcase_api::{Applied, Apply, Change, Preview};
use briefcase_types::SecretString;
use serde_json::{Value, json};
use zeroize::Zeroize as _;

use crate::{
    client::{pin_evidence, wipe},
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
    terminal::Terminal,
};

/// How often a PIN is asked for again after a typing mistake.
const TRIES: u32 = 3;

/// Shows what a change would do, asks for the PIN, and applies it.
pub async fn confirm(ctx: &CommandContext, change: Change) -> Result<Applied, Failure> {
    let preview: Preview = ctx.client.post("/v1/changes/preview", &change).await?;
    let terminal = Terminal::open()?;
    terminal.show(&preview_output(&preview))?;
    let mut apply = Apply { change, digest: preview.digest, evidence: briefcase_api::Evidence::Pin(String::new()) };
    let applied = with_pin(ctx, "to apply this", async |pin| {
        apply.evidence = pin_evidence(pin);
        waiting("Applying", ctx.client.post("/v1/changes", &apply)).await
    })
    .await;
    forget(apply);
    applied
}

/// Applies a change with a PIN that is known: for what this program set up itself.
pub async fn with_known_pin(ctx: &CommandContext, change: Change, pin: &SecretString) -> Result<Applied, Failure> {
    let preview: Preview = ctx.client.post("/v1/changes/preview", &change).await?;
    let apply = Apply { change, digest: preview.digest, evidence: pin_evidence(pin) };
    let applied = ctx.client.post("/v1/changes", &apply).await;
    forget(apply);
    applied
}

/// Asks for the PIN and tries `action` with it; a wrong PIN may be typed again.
pub async fn with_pin<T>(
    ctx: &CommandContext,
    what_for: &str,
    mut action: impl AsyncFnMut(&SecretString) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut left = TRIES;
    loop {
        let pin = ctx.pin(what_for)?;
        left = left.saturating_sub(1);
        match action(&pin).await {
            Err(Failure::Problem(problem)) if problem.code == "wrong_pin" && left > 0 => {
                Terminal::open()?.show(&crate::printer::problem_output(&problem))?;
            }
            result => return result,
        }
    }
}

/// The answer after a change.
pub fn answer(done: &str, applied: &Applied) -> CommandResult {
    let mut output = TextOutput::new();
    let recorded = format!("  (recorded as {}, revision {})", applied.receipt, applied.version);
    output.line([span("✓ ", Tone::Good), done.into(), span(recorded, Tone::Dim)]);
    CommandResult::new(output, &summary(applied))
}

/// A change as JSON, without the token it may have made.
pub fn summary(applied: &Applied) -> Value {
    json!({ "version": applied.version, "receipt": applied.receipt })
}

fn preview_output(preview: &Preview) -> TextOutput {
    let mut output = TextOutput::new();
    output.heading(format!("Changes to apply (configuration revision {}):", preview.from_version));
    for line in &preview.lines {
        output.line([span("  • ", Tone::Name), line.as_str().into()]);
    }
    output
}

/// Wipes the secrets that a request held.
fn forget(apply: Apply) {
    wipe(apply.evidence);
    match apply.change {
        Change::SetSecret { mut value, .. } => value.zeroize(),
        Change::SetPin { mut pin } => pin.zeroize(),
        Change::SetPassphrase { mut passphrase } => passphrase.zeroize(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use briefcase_types::{Digest, ReceiptIndex};

    use super::*;

    #[test]
    fn a_preview_cannot_forge_lines() {
        let lines = vec!["server_added\n  • nothing".to_owned()];
        let output = preview_output(&Preview { digest: Digest::sha256(b""), lines, from_version: 7 });
        let text = output.render(false);
        assert_eq!(text, "Changes to apply (configuration revision 7):\n  • server_added\\n  • nothing\n");
    }

    #[test]
    fn a_new_credential_is_in_no_answer() {
        let applied = Applied { version: 2, receipt: ReceiptIndex(9), token: Some("bca_secret".into()) };
        let answer = answer("Agent added.", &applied);
        assert!(!answer.json.to_string().contains("bca_secret"));
        assert!(!answer.output.render(false).contains("bca_secret"));
    }
}
