//! `briefcase unlock` and `briefcase lock`

use std::{io::Read as _, path::PathBuf, time::Duration};

use briefcase_admin_client::{ClientError, UnlockBody};
use briefcase_api::Status;
use briefcase_types::SecretString;
use clap::Args;

use super::status;
use crate::{context::CommandContext, failure::Failure, printer::CommandResult, terminal::Terminal};

/// The time between two attempts of which the first was not checked.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

const UNLOCK: &str = "\
Examples:
  briefcase unlock                     asks at the terminal
  briefcase unlock --key-file KEY      from a file, for machines without a person
  systemd-creds cat key | briefcase unlock --key-file -

Unlocking lets agents work by the rules you set. It approves nothing: approvals and changes need your PIN or passkey.";

/// Unlock the vault
#[derive(Debug, Args)]
#[command(after_help = UNLOCK)]
pub struct Unlock {
    /// File with the unlock key or passphrase; `-` is stdin
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
}

impl Unlock {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let status = ctx.client.status().await?;
        if status.state != "locked" {
            return Ok(status::answer(&status, ctx.now()));
        }
        let status = match &self.key_file {
            Some(path) => unlock(ctx, &secret_file(path)?).await?,
            None => with_tries(async |secret| unlock(ctx, secret).await).await?,
        };
        Ok(status::answer(&status, ctx.now()))
    }
}

async fn unlock(ctx: &CommandContext, secret: &SecretString) -> Result<Status, Failure> {
    let body = UnlockBody::of(secret);
    let unlocking = until_checked(|| ctx.client.unlock(&body), RETRY_INTERVAL);
    Ok(crate::printer::waiting("Unlocking the vault", unlocking).await?)
}

/// Repeats an attempt that was not checked because many others wait. Other programs cannot end it with attempts of their own.
async fn until_checked<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, ClientError>,
    interval: Duration,
) -> Result<T, ClientError> {
    loop {
        match attempt().await {
            Err(error) if error.code() == "too_many_attempts" => {
                tokio::time::sleep(interval).await;
            }
            result => return result,
        }
    }
}

/// Asks at the terminal for the passphrase or unlock key, again after a typing mistake.
pub async fn with_tries<T>(mut action: impl AsyncFnMut(&SecretString) -> Result<T, Failure>) -> Result<T, Failure> {
    let terminal = Terminal::open()?;
    let mut left: u32 = 3;
    loop {
        let secret = terminal.secret("Passphrase or unlock key (empty to cancel): ")?;
        if secret.expose(|text| text.trim().is_empty()) {
            return Err(Failure::Cancelled);
        }
        left = left.saturating_sub(1);
        match action(&secret).await {
            Err(Failure::Problem(problem)) if matches!(problem.code.as_str(), "wrong_key" | "invalid") && left > 0 => {
                terminal.show(&crate::printer::problem_output(&problem))?;
            }
            result => return result,
        }
    }
}

/// Reads a secret from a file or stdin, without one line end at its end.
pub fn secret_file(path: &std::path::Path) -> Result<SecretString, Failure> {
    const FILE_MAX: u64 = 64 * 1024;
    let mut text = zeroize::Zeroizing::new(String::with_capacity(64 * 1024 + 1));
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(FILE_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::file(path, &error))?;
    let end = text.strip_suffix('\n').unwrap_or(&text);
    let end = end.strip_suffix('\r').unwrap_or(end);
    Ok(SecretString::new(end.to_owned()))
}

const LOCK: &str = "\
Example:
  briefcase lock

Pending requests, session approvals and console sessions end. The record stays.";

/// Lock: remove secrets from memory and refuse calls
#[derive(Debug, Args)]
#[command(after_help = LOCK)]
pub struct Lock {}

impl Lock {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let status = ctx.client.lock().await?;
        Ok(status::answer(&status, ctx.now()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use briefcase_api::Problem;

    use super::*;

    #[test]
    fn a_secret_file_ends_with_its_text() {
        for (written, read) in [("abc\n", "abc"), ("abc\r\n", "abc"), ("abc", "abc"), (" a \n\n", " a \n")] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(written.as_bytes()).unwrap();
            secret_file(file.path()).unwrap().expose(|text| assert_eq!(text, read));
        }
        assert_eq!(secret_file("/nonexistent".as_ref()).err().map(|failure| failure.exit_code()), Some(2));
    }

    #[tokio::test]
    async fn an_attempt_is_repeated_until_it_was_checked() {
        let refusal = |code: &str| ClientError::Refused(Problem::new(code, "", ""));
        for end in [Ok(7), Err("wrong_key")] {
            let mut attempts = 0;
            let result = until_checked(
                async || {
                    attempts += 1;
                    if attempts < 20 { Err(refusal("too_many_attempts")) } else { end.map_err(refusal) }
                },
                Duration::ZERO,
            );
            let code = result.await.map_err(|error| Problem::from(error).code);
            assert_eq!((attempts, code), (20, end.map_err(str::to_owned)));
        }
    }
}
