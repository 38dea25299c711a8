//! `briefcase receipts verify`
//!
//! Invariant: the output names what was proved and what was not. A key that came with the record proves only that the record
//! is consistent.

use std::path::{Path, PathBuf};

use briefcase_receipts::{
    LogFolder, PublicKey, ReceiptCheckpoint,
    checkpoint::SignedReceiptCheckpoint,
    proof::ReceiptProof,
    verify::{FileSource, VerifyError, VerifyReport, verify},
};
use clap::Args;
use serde_json::{Value, json};

use super::tiles::Daemon;
use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
    time_format,
};

/// The file with the key in an export.
pub const KEY_FILE: &str = "log.key";

const EXAMPLES: &str = "\
Examples:
  briefcase receipts verify                          the daemon's own log, every receipt and hash
  briefcase receipts verify --save-head head.note    and save the checkpoint for the next time:
  briefcase receipts verify --known head.note        the log still continues the one you saw
  briefcase receipts verify FOLDER --key KEY         an export, offline
  briefcase receipts verify --proof r7.tlog-proof --receipt r7.json --key KEY

Note the key where an attacker cannot change it: `briefcase receipts verify --print-key`. \
Exit code 1 when anything was changed; the first wrong receipt is named.";

/// Prove that the record is complete and unchanged
#[derive(Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct Verify {
    /// An exported record; without it the daemon's own log is read
    #[arg(conflicts_with = "proof")]
    folder: Option<PathBuf>,
    /// The whole log, which is what is verified anyway
    #[arg(long, hide = true)]
    all: bool,
    /// The log's public key, as you noted it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A checkpoint you saved: the log must continue it
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Write the checkpoint to a file, for --known
    #[arg(long, value_name = "FILE")]
    save_head: Option<PathBuf>,
    /// Print the log's public key, and nothing else
    #[arg(long, conflicts_with_all = ["folder", "known", "save_head", "proof"])]
    print_key: bool,
    /// Check the proof of one receipt instead
    #[arg(long, value_name = "FILE", requires = "receipt")]
    proof: Option<PathBuf>,
    /// With --proof: the receipt itself
    #[arg(long, value_name = "FILE", requires = "proof")]
    receipt: Option<PathBuf>,
}

/// The source of the key, on which the meaning of a check depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Given on the command line.
    Noted,
    /// From the daemon that also gave the log.
    Daemon,
    /// From the folder that also holds the record.
    Folder,
}

/// Verifies an exported record against a noted key. Every fault of the record is a negative result.
pub fn verify_folder(path: &Path, key: &str) -> Result<CommandResult, Failure> {
    let key = parse_key(key)?;
    Ok(match checked(&LogFolder::new(path), &key, None, Trust::Noted) {
        Ok(verified) => verified.answer(),
        Err(error) => refuted(&error),
    })
}

/// A verified record.
#[derive(Debug)]
pub struct Verified {
    report: VerifyReport,
    head: String,
    trust: Trust,
}

impl Verify {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        if self.print_key {
            let key = daemon_key(ctx).await?;
            return Ok(CommandResult::new(TextOutput::of(key.as_str()), &json!({ "key": key })));
        }
        if let (Some(proof), Some(receipt)) = (&self.proof, &self.receipt) {
            return self.one(proof, receipt);
        }
        let verified = match &self.folder {
            Some(folder) => self.folder(folder)?,
            None => self.daemon(ctx).await?,
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => return Ok(refuted(&error)),
        };
        if let Some(path) = &self.save_head {
            std::fs::write(path, &verified.head).map_err(|error| Failure::file(path, &error))?;
        }
        Ok(verified.answer())
    }

    /// Verifies the running daemon's log.
    async fn daemon(&self, ctx: &CommandContext) -> Result<Result<Verified, VerifyError>, Failure> {
        let (key, trust) = match &self.key {
            Some(key) => (parse_key(key)?, Trust::Noted),
            None => (parse_key(&daemon_key(ctx).await?)?, Trust::Daemon),
        };
        let head = daemon_file(ctx, "checkpoint").await?;
        let known = self.known(&key)?;
        let source = Daemon::at(ctx.client.clone(), tokio::runtime::Handle::current(), head);
        let work = tokio::task::spawn_blocking(move || checked(&source, &key, known, trust));
        waiting("Verifying", work).await.map_err(|error| Failure::new("unavailable", error.to_string(), ""))
    }

    /// Verifies an exported record, offline.
    fn folder(&self, path: &Path) -> Result<Result<Verified, VerifyError>, Failure> {
        let (key, trust) = match &self.key {
            Some(key) => (parse_key(key)?, Trust::Noted),
            None => {
                let next = "Give the key you noted with --key; `briefcase receipts verify --print-key` prints it.";
                let read = std::fs::read_to_string(path.join(KEY_FILE));
                let key = read.map_err(|_| Failure::usage("The command line names no key for this record.", next))?;
                (parse_key(key.trim())?, Trust::Folder)
            }
        };
        let known = self.known(&key)?;
        Ok(checked(&LogFolder::new(path), &key, known, trust))
    }

    fn known(&self, key: &PublicKey) -> Result<Option<ReceiptCheckpoint>, Failure> {
        let Some(path) = &self.known else { return Ok(None) };
        let note = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
        let head = SignedReceiptCheckpoint::verify(&note, key).map_err(|error| {
            let next = "Give a checkpoint saved with --save-head, and the key of the same log.";
            Failure::usage(format!("The known checkpoint is invalid: {error}."), next)
        })?;
        Ok(Some(head.checkpoint().clone()))
    }

    /// Verifies the proof of one receipt, offline.
    fn one(&self, proof: &Path, receipt: &Path) -> Result<CommandResult, Failure> {
        let key = self
            .key
            .as_deref()
            .ok_or_else(|| Failure::usage("Verifying a proof needs the log's public key.",
                    "Add --key KEY. `briefcase receipts verify --print-key` prints it; compare it with the key that you noted.",))?;
        let key = parse_key(key)?;
        let text = std::fs::read(proof).map_err(|error| Failure::file(proof, &error))?;
        let encoded = std::fs::read(receipt).map_err(|error| Failure::file(receipt, &error))?;
        let encoded = encoded.strip_suffix(b"\n").unwrap_or(&encoded);
        let checked = ReceiptProof::parse(&text).and_then(|proof| Ok((proof.index, proof.verify(encoded, &key)?.1)));
        match checked {
            Ok((index, head)) => {
                let mut output = TextOutput::new();
                let size = head.checkpoint().size;
                output
                    .line([span("✓ ", Tone::Good), format!("{index} is in the signed log of {size} receipts.").into()]);
                Ok(CommandResult::new(output, &json!({ "verified": true, "receipt": index, "size": size })))
            }
            Err(error) => Ok(negative(&error.to_string(), None)),
        }
    }
}

/// Verifies a source of log files.
pub fn checked<S: FileSource + ?Sized>(
    source: &S,
    key: &PublicKey,
    known: Option<ReceiptCheckpoint>,
    trust: Trust,
) -> Result<Verified, VerifyError> {
    let report = verify(source, key, known)?;
    let note = source.read("checkpoint", 64 * 1024).ok().flatten().unwrap_or_default();
    Ok(Verified { report, head: String::from_utf8_lossy(&note).into_owned(), trust })
}

impl Verified {
    /// The proved and the unproved claims.
    pub fn answer(&self) -> CommandResult {
        CommandResult::new(self.output(), &self.json())
    }

    fn output(&self) -> TextOutput {
        let (report, sum) = (&self.report, self.report.summary);
        let mut output = TextOutput::new();
        let span_of = match (sum.first, sum.last) {
            (Some(first), Some(last)) => format!(", {} to {}", time_format::utc(first), time_format::utc(last)),
            _ => String::new(),
        };
        let headline = format!("{} receipts verified{span_of}", sum.receipts);
        output.line([span("✓ ", Tone::Good), span(headline, Tone::Strong)]);
        let calls = format!(
            "{} ran, {} refused, {} with unknown outcome, {} in progress",
            sum.intents, sum.refusals, sum.orphans, sum.open
        );
        output.field("calls", calls);
        output.field("log", report.checkpoint.origin.as_str());
        output.field("root", report.checkpoint.root.to_string());
        output.blank().heading("Proved:");
        let yes = |output: &mut TextOutput, text: &str| {
            output.line([span("  ✓ ", Tone::Good), text.into()]);
        };
        yes(&mut output, "no receipt was changed, removed, moved or added since its checkpoint was signed");
        yes(&mut output, "each effect follows its intent, and times go back only where a person accepted the clock");
        if let Some(known) = &report.continues {
            yes(
                &mut output,
                &format!("it extends the checkpoint you kept, of {} receipts: nothing was rolled back", known.size),
            );
        }
        output.heading("Not proved:");
        let no = |output: &mut TextOutput, text: &str| {
            output.line([span("  · ", Tone::Warn), text.into()]);
        };
        match self.trust {
            Trust::Noted => {}
            Trust::Daemon => no(
                &mut output,
                "that the key is yours: it came from the daemon. Compare it with a key you noted (--print-key, then --key)",
            ),
            Trust::Folder => no(
                &mut output,
                "that the key is the right one: it came with the folder. Give the key you noted with --key",
            ),
        }
        if report.continues.is_none() {
            no(
                &mut output,
                "that nothing was cut off the end and signed again by a holder of the key: keep checkpoints (--save-head) and compare them (--known)",
            );
        }
        no(&mut output, "that a compromised daemon recorded everything it did");
        output
    }

    fn json(&self) -> Value {
        let (checkpoint, sum) = (&self.report.checkpoint, self.report.summary);
        json!({
            "verified": true,
            "origin": checkpoint.origin.as_str(),
            "size": checkpoint.size,
            "root": checkpoint.root,
            "calls": { "ran": sum.intents, "refused": sum.refusals, "unknown_end": sum.orphans, "open": sum.open },
            "first": sum.first,
            "last": sum.last,
            "continues": self.report.continues.as_ref().map(|known| known.size),
            "key_from": match self.trust {
                Trust::Noted => "command_line",
                Trust::Daemon => "daemon",
                Trust::Folder => "folder",
            },
        })
    }
}

/// The record is invalid.
pub fn refuted(error: &VerifyError) -> CommandResult {
    negative(&error.to_string(), error.index())
}

fn negative(reason: &str, index: Option<u64>) -> CommandResult {
    let mut output = TextOutput::new();
    output.line([span("✗ NOT VERIFIED: ", Tone::Bad), span(reason, Tone::Strong)]);
    output.next("Do not trust this record. Compare it with a copy, or with a checkpoint that you kept.");
    CommandResult::new(output, &json!({ "verified": false, "reason": reason, "index": index })).negative(true)
}

/// The log's public key, from the daemon.
pub async fn daemon_key(ctx: &CommandContext) -> Result<String, Failure> {
    let bytes = daemon_file(ctx, "key").await?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// A file of the daemon's log.
pub async fn daemon_file(ctx: &CommandContext, name: &str) -> Result<Vec<u8>, Failure> {
    let found = ctx.client.log_file(name).await?;
    found
        .map(Into::into)
        .ok_or_else(|| Failure::new("not_found", format!("The log has no {name}."), "Run `briefcase fsck`."))
}

/// Reads a public key.
pub fn parse_key(text: &str) -> Result<PublicKey, Failure> {
    text.trim()
        .parse()
        .map_err(|error| Failure::usage(format!("--key: {error}."), "Copy it whole, as --print-key printed it."))
}
