//! `briefcase enclave watch`

use std::{path::PathBuf, time::Duration};

use briefcase_types::Digest;
use clap::Args;
use serde_json::{Value, json};

use super::{
    check::{self, Trust},
    report::{Check, Facts, Report},
    source::Source,
    state::State,
    verify::{Believed, unreachable},
};
use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{self, CommandResult},
    time_format,
};

const EXAMPLES: &str = "\
Examples:
  briefcase enclave watch https://kms.example.org --policy policy.json
  briefcase enclave watch https://kms.example.org --policy policy.json --once --state kms.json   in CI

It remembers how far releases had come, so that it finds a rollback, another history of the log, and every change. \
With --json each look is one line. With --once the exit code is 1 when a check failed, 10 when it could not be reached.";

/// Check repeatedly and report changes
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Watch {
    /// The enclave's address, or a folder with its files
    #[arg(value_name = "URL|DIR")]
    enclave: String,
    #[command(flatten)]
    believed: Believed,
    /// Time between two checks
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = time_format::duration)]
    interval: Duration,
    /// Check once, then exit
    #[arg(long)]
    once: bool,
    /// File for the last state; default: in the state folder
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl Watch {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let (source, trust) = (Source::of(&self.enclave)?, self.believed.trust()?);
        let file = self.state.clone().unwrap_or_else(|| default_file(ctx, &source));
        loop {
            let looked = look(&source, &trust, &file, ctx).await;
            if self.once {
                return looked?.answer();
            }
            match looked {
                Ok(look) => look.tell(ctx.json)?,
                Err(Failure::Problem(problem)) => printer::report(&problem, ctx.json),
                Err(other) => return Err(other),
            }
            tokio::select! {
                () = tokio::time::sleep(self.interval) => {}
                _ = tokio::signal::ctrl_c() => return Err(Failure::Cancelled),
            }
        }
    }
}

fn default_file(ctx: &CommandContext, source: &Source) -> PathBuf {
    let digest = briefcase_release::hex(&Digest::sha256(source.name().as_bytes()));
    ctx.paths.state.join("watched").join(format!("{digest}.json"))
}

/// One look.
struct Look {
    report: Report,
    changes: Vec<String>,
}

async fn look(source: &Source, trust: &Trust, file: &std::path::Path, ctx: &CommandContext) -> Result<Look, Failure> {
    let before = State::read(file, &source.name())?;
    let seen = before.as_ref().map(State::seen).unwrap_or_default();
    let mut report = check::run(source, trust, seen, ctx.now()).await.map_err(|reason| unreachable(source, &reason))?;
    if let Some(fork) = before.as_ref().and_then(|before| fork(&before.facts, &report.facts)) {
        report.add(fork);
    }
    let changes = before.as_ref().map(|before| changes(before, &report)).unwrap_or_else(|| vec!["first look".into()]);
    State::after(before.as_ref(), &report).write(file)?;
    Ok(Look { report, changes })
}

/// Two heads of one size with different roots: the log has two histories, and witnesses who signed both.
fn fork(before: &Facts, now: &Facts) -> Option<Check> {
    let same_size = before.log_size.is_some() && before.log_size == now.log_size;
    (same_size && before.log_root != now.log_root).then(|| {
        Check::failed("log", "log_fork", "the log had the same size with another root before: two histories exist")
    })
}

/// What is not as it was, in words.
fn changes(before: &State, report: &Report) -> Vec<String> {
    let mut told = Vec::new();
    let failure = report.failure().map(|check| (check.name.to_owned(), check.code.clone().unwrap_or_default()));
    match (&before.failure, &failure) {
        (None, Some((name, code))) => told.push(format!("{name} fails now ({code})")),
        (Some((name, _)), None) => told.push(format!("{name} passes again")),
        (Some(one), Some(other)) if one != other => told.push(format!("{} fails now ({})", other.0, other.1)),
        _ => {}
    }
    if failure.is_none() {
        let (old, new) = (&before.facts, &report.facts);
        let number = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        if old.version != new.version {
            told.push(format!("release {} became {}", number(old.version), number(new.version)));
        }
        for (what, old, new) in [
            ("the module", &old.module, &new.module),
            ("the page", &old.page, &new.page),
            ("the headers", &old.headers, &new.headers),
            ("the manifest", &old.manifest, &new.manifest),
        ] {
            if old != new {
                told.push(format!("{what} changed"));
            }
        }
    }
    told
}

impl Look {
    fn json(&self) -> Value {
        let mut json = self.report.json();
        if let Some(members) = json.as_object_mut() {
            members.insert("changes".into(), json!(self.changes));
        }
        json
    }

    fn answer(self) -> Result<CommandResult, Failure> {
        let mut page = self.report.page();
        for change in &self.changes {
            page.line([span("  ! ", Tone::Warn), change.as_str().into()]);
        }
        Ok(CommandResult::new(page, &self.json()).negative(!self.report.verified()))
    }

    /// One line as long as nothing happens, everything when a check fails.
    fn tell(&self, json: bool) -> Result<(), Failure> {
        if json {
            return printer::raw(format!("{}\n", self.json()).as_bytes());
        }
        let changed = if self.changes.is_empty() { "no change".to_owned() } else { self.changes.join("; ") };
        let mut page = if self.report.verified() { TextOutput::new() } else { self.report.page() };
        let (mark, tone) = if self.report.verified() { ("✓ ", Tone::Good) } else { ("✗ ", Tone::Bad) };
        page.line([
            span(mark, tone),
            format!("{} {}: {changed}", time_format::utc(self.report.at), self.report.name).into(),
        ]);
        printer::show(&page)
    }
}
