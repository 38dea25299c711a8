//! `briefcase enclave watch`

use std::path::{Path, PathBuf};

use briefcase::{
    command::enclave::Watch,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{self, CommandResult},
    time_format,
};
use briefcase_types::Digest;
use serde_json::{Value, json};

use crate::{
    audit,
    report::{AuditReport, LayerCheck, ServedFacts},
    source::EnclaveSource,
    trust::TrustAnchor,
    verify::unreachable,
    watch_state::WatchState,
};

/// Audits an enclave repeatedly, until it is interrupted; with `--once` a single time.
pub async fn run(ctx: &CommandContext, arguments: Watch) -> Result<CommandResult, Failure> {
    let (source, anchor) = (EnclaveSource::of(&arguments.enclave)?, TrustAnchor::of(&arguments.trust)?);
    let file = arguments.state.clone().unwrap_or_else(|| default_file(ctx, &source));
    loop {
        let checked = check(&source, &anchor, &file, ctx).await;
        if arguments.once {
            return Ok(checked?.answer());
        }
        match checked {
            Ok(checked) => checked.print(ctx.json)?,
            Err(Failure::Problem(problem)) => printer::report(&problem, ctx.json),
            Err(other) => return Err(other),
        }
        tokio::select! {
            () = tokio::time::sleep(arguments.interval) => {}
            _ = tokio::signal::ctrl_c() => return Err(Failure::Cancelled),
        }
    }
}

fn default_file(ctx: &CommandContext, source: &EnclaveSource) -> PathBuf {
    let digest = briefcase_release::hex(&Digest::sha256(source.name().as_bytes()));
    ctx.paths.state.join("watched").join(format!("{digest}.json"))
}

/// One check, and the changes since the one before.
struct WatchResult {
    report: AuditReport,
    changes: Vec<String>,
}

async fn check(
    source: &EnclaveSource,
    anchor: &TrustAnchor,
    file: &Path,
    ctx: &CommandContext,
) -> Result<WatchResult, Failure> {
    let before = WatchState::read(file, &source.name())?;
    let seen = before.as_ref().map(WatchState::seen).unwrap_or_default();
    let mut report =
        audit::run(source, anchor, seen, ctx.now()).await.map_err(|reason| unreachable(source, &reason))?;
    if let Some(fork) = before.as_ref().and_then(|before| fork(&before.facts, &report.facts)) {
        report.add(fork);
    }
    let changes = before.as_ref().map(|before| changes(before, &report)).unwrap_or_else(|| vec!["first look".into()]);
    WatchState::after(before.as_ref(), &report).write(file)?;
    Ok(WatchResult { report, changes })
}

/// Two checkpoints of one size with different roots: the log has two histories, and witnesses signed both.
fn fork(before: &ServedFacts, now: &ServedFacts) -> Option<LayerCheck> {
    let same_size = before.log_size.is_some() && before.log_size == now.log_size;
    (same_size && before.log_root != now.log_root).then(|| {
        LayerCheck::failed("log", "log_fork", "the log had the same size with another root before: two histories exist")
    })
}

/// Differences to the state before, in words.
fn changes(before: &WatchState, report: &AuditReport) -> Vec<String> {
    let mut found = Vec::new();
    let failure = report.failure().map(|check| (check.name.to_owned(), check.code.clone().unwrap_or_default()));
    match (&before.failure, &failure) {
        (None, Some((name, code))) => found.push(format!("{name} fails now ({code})")),
        (Some((name, _)), None) => found.push(format!("{name} passes again")),
        (Some(one), Some(other)) if one != other => found.push(format!("{} fails now ({})", other.0, other.1)),
        _ => {}
    }
    if failure.is_none() {
        let (old, new) = (&before.facts, &report.facts);
        let number = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        if old.version != new.version {
            found.push(format!("release {} became {}", number(old.version), number(new.version)));
        }
        for (what, old, new) in [
            ("the module", &old.module, &new.module),
            ("the page", &old.page, &new.page),
            ("the headers", &old.headers, &new.headers),
            ("the manifest", &old.manifest, &new.manifest),
        ] {
            if old != new {
                found.push(format!("{what} changed"));
            }
        }
    }
    found
}

impl WatchResult {
    fn json(&self) -> Value {
        let mut json = self.report.json();
        if let Some(members) = json.as_object_mut() {
            members.insert("changes".into(), json!(self.changes));
        }
        json
    }

    fn answer(self) -> CommandResult {
        let mut output = self.report.output();
        for change in &self.changes {
            output.line([span("  ! ", Tone::Warn), change.as_str().into()]);
        }
        CommandResult::new(output, &self.json()).negative(!self.report.verified())
    }

    /// Prints one line while every check passes, and the whole report when one fails.
    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return printer::raw(format!("{}\n", self.json()).as_bytes());
        }
        let changed = if self.changes.is_empty() { "no change".to_owned() } else { self.changes.join("; ") };
        let mut output = if self.report.verified() { TextOutput::new() } else { self.report.output() };
        let (mark, tone) = if self.report.verified() { ("✓ ", Tone::Good) } else { ("✗ ", Tone::Bad) };
        output.line([
            span(mark, tone),
            format!("{} {}: {changed}", time_format::utc(self.report.at), self.report.name).into(),
        ]);
        printer::show(&output)
    }
}
