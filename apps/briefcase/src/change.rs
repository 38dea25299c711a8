//! Changes of the authority: preview, proof of presence, application.
//!
//! Invariant: nothing is applied but the change whose preview was shown on the person's own terminal, and typing the PIN
//! there is the consent to it.

use briefcase_admin_client::pin_evidence;
use briefcase_api::{Applied, Change, Preview};
use briefcase_types::SecretString;
use serde_json::{Value, json};

use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
    terminal::Terminal,
};

/// The number of attempts to type a PIN.
const TRIES: u32 = 3;

/// Shows the preview of a change, asks for the PIN, and applies the change.
pub async fn confirm(ctx: &CommandContext, change: Change) -> Result<Applied, Failure> {
    let mut previewed = ctx.client.preview(change).await?;
    let terminal = Terminal::open()?;
    terminal.show(&preview_output(previewed.preview()))?;
    with_pin(ctx, "to apply this", async |pin| {
        Ok(waiting("Applying", ctx.client.apply(&mut previewed, pin_evidence(pin))).await?)
    })
    .await
}

/// Applies a change with a PIN that this program chose or asked for before.
pub async fn with_known_pin(ctx: &CommandContext, change: Change, pin: &SecretString) -> Result<Applied, Failure> {
    let mut previewed = ctx.client.preview(change).await?;
    Ok(ctx.client.apply(&mut previewed, pin_evidence(pin)).await?)
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

/// The result after a change.
pub fn answer(done: &str, applied: &Applied) -> CommandResult {
    let mut output = TextOutput::new();
    let recorded = format!("  (recorded as {}, revision {})", applied.receipt, applied.version);
    output.line([span("✓ ", Tone::Good), done.into(), span(recorded, Tone::Dim)]);
    CommandResult::new(output, &summary(applied))
}

/// An applied change as JSON, without a new agent's token.
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
