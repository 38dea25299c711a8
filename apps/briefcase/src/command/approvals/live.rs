//! Deciding approval requests at the terminal, and waiting for new ones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use briefcase_types::{ApprovalId, ApprovalRequest, DecisionResult};
use serde_json::json;

use super::{
    decision::{Choice, argument_names, decide_with_pin},
    open, request_output,
};
use crate::{
    change::with_pin,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, problem_output},
    terminal::Terminal,
    time_format,
};

/// The interval of checks whether the shown request is still pending.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The result of showing one request.
enum PromptResult {
    /// The person decided it in this prompt.
    Decided,
    /// The person wants to see the next one.
    Next,
    /// The person has seen enough.
    Quit,
    /// It expired, or was decided elsewhere.
    Closed,
}

/// Goes through the pending requests; with `watch` also through later ones.
pub async fn run(ctx: &CommandContext, watch: bool) -> Result<CommandResult, Failure> {
    let terminal = Arc::new(Terminal::open()?);
    let (mut decided, mut skipped) = (0_u64, Vec::<ApprovalId>::new());
    loop {
        let requests = open(ctx).await?;
        skipped.retain(|id| requests.iter().any(|request| request.id == *id));
        let waiting: Vec<&ApprovalRequest> = requests.iter().filter(|request| !skipped.contains(&request.id)).collect();
        let Some(request) = waiting.first() else {
            if !watch {
                break;
            }
            terminal.show(&TextOutput::of(span("Waiting for approval requests. Press Ctrl-C to stop.", Tone::Dim)))?;
            wait_for_one(ctx, &skipped).await?;
            continue;
        };
        let mut output = TextOutput::new();
        output.blank().line([span(format!("Approval request 1 of {}", waiting.len()), Tone::Dim)]);
        output.append(request_output(request, ctx.now()));
        terminal.show(&output)?;
        match prompt(ctx, &terminal, request).await? {
            PromptResult::Decided => decided = decided.saturating_add(1),
            PromptResult::Next => skipped.push(request.id),
            PromptResult::Quit => break,
            PromptResult::Closed => {
                terminal.show(&TextOutput::of(span("This approval request is no longer pending.", Tone::Warn)))?;
            }
        }
    }
    let left = open(ctx).await?.len();
    let text = match (decided, left) {
        (0, 0) => "No pending approvals.".to_owned(),
        (decided, left) => format!("{decided} decided, {left} pending."),
    };
    Ok(CommandResult::new(TextOutput::of(text), &json!({ "answered": decided, "open": left })))
}

/// Shows one request until it is decided or no longer pending.
pub async fn decide_interactively(ctx: &CommandContext, request: &ApprovalRequest) -> Result<(), Failure> {
    let terminal = Arc::new(Terminal::open()?);
    loop {
        match prompt(ctx, &terminal, request).await? {
            PromptResult::Decided | PromptResult::Closed => return Ok(()),
            PromptResult::Next => {}
            PromptResult::Quit => return Err(Failure::Cancelled),
        }
    }
}

/// Shows one request and reads the decision.
async fn prompt(
    ctx: &CommandContext,
    terminal: &Arc<Terminal>,
    request: &ApprovalRequest,
) -> Result<PromptResult, Failure> {
    let (prompt, keys) = if request.once_only {
        ("[d]eny  allow [o]nce  [n]ext  [q]uit: ", "donq")
    } else {
        (
            "[d]eny  allow [o]nce  [s]ession, these arguments  session, this [t]ool  create [r]ule  [n]ext  [q]uit: ",
            "dostrnq",
        )
    };
    let choice = match key_while_open(ctx, terminal, request, prompt, keys).await? {
        None => return Ok(PromptResult::Closed),
        Some('n') => return Ok(PromptResult::Next),
        Some('q') => return Ok(PromptResult::Quit),
        Some('o') => Choice::Once,
        Some('s') => Choice::SessionExact,
        Some('t') => Choice::SessionTool,
        Some('r') => rule(terminal, request)?,
        Some(_) => Choice::Deny,
    };
    let what = format!("to {}", choice.meaning(request));
    match with_pin(ctx, &what, async |pin| decide_with_pin(ctx, request, &choice, pin).await).await {
        Ok(decided) => {
            let mark = if decided.decision == DecisionResult::Approved {
                span("✓ ", Tone::Good)
            } else {
                span("✗ ", Tone::Bad)
            };
            let mut output = TextOutput::new();
            output.line([mark, format!("{}, recorded as {}", decided.decision, decided.receipt).into()]);
            terminal.show(&output)?;
            Ok(PromptResult::Decided)
        }
        Err(Failure::Problem(problem)) if problem.code == "no_such_question" => Ok(PromptResult::Closed),
        Err(Failure::Problem(problem)) if matches!(problem.code.as_str(), "wrong_pin" | "not_what_was_shown") => {
            terminal.show(&problem_output(&problem))?;
            Ok(PromptResult::Next)
        }
        // An empty PIN cancels the decision, not the whole command.
        Err(Failure::Cancelled) => Ok(PromptResult::Next),
        Err(failure) => Err(failure),
    }
}

/// Asks for the fixed arguments and the duration of a saved approval.
fn rule(terminal: &Terminal, request: &ApprovalRequest) -> Result<Choice, Failure> {
    let names = argument_names(request);
    let mut output = TextOutput::new();
    output.line([span("A rule lets this agent call this tool again without approval.", Tone::Warn)]);
    output.text(format!("Arguments: {}", names.join(", ")));
    terminal.show(&output)?;
    let fixed = loop {
        let text = terminal.line("Only when these arguments match (names; empty: all; `none`: any arguments): ")?;
        let chosen: Vec<String> = text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        match chosen.iter().find(|name| !names.contains(name)) {
            _ if text.is_empty() => break names,
            _ if text == "none" => break Vec::new(),
            None => break chosen,
            Some(unknown) => {
                terminal.show(&TextOutput::of(span(format!("The call has no argument `{unknown}`."), Tone::Warn)))?;
            }
        }
    };
    loop {
        let text = terminal.line("For how long? (such as 1h or 7d; empty: 1d): ")?;
        match time_format::duration(if text.is_empty() { "1d" } else { &text }) {
            Ok(lasts) => return Ok(Choice::Rule { fixed, lasts }),
            Err(wrong) => terminal.show(&TextOutput::of(span(wrong, Tone::Warn)))?,
        }
    }
}

/// Waits for a key while the request is pending; `None` when it no longer is.
async fn key_while_open(
    ctx: &CommandContext,
    terminal: &Arc<Terminal>,
    request: &ApprovalRequest,
    prompt: &str,
    keys: &'static str,
) -> Result<Option<char>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (reader, stopped, prompt) = (Arc::clone(terminal), Arc::clone(&stop), prompt.to_owned());
    let mut typed = tokio::task::spawn_blocking(move || reader.key(&prompt, keys, &stopped));
    loop {
        if let Ok(key) = tokio::time::timeout(POLL_INTERVAL, &mut typed).await {
            return key.unwrap_or(Err(Failure::Cancelled));
        }
        let still_open = open(ctx).await.is_ok_and(|all| all.iter().any(|other| other.id == request.id));
        if !still_open {
            stop.store(true, Ordering::Release);
        }
    }
}

/// Waits for a request that was not shown yet. Events carry no data, so each one reads the list again.
async fn wait_for_one(ctx: &CommandContext, seen: &[ApprovalId]) -> Result<(), Failure> {
    let mut events = ctx.client.events().await?;
    loop {
        if open(ctx).await?.iter().any(|request| !seen.contains(&request.id)) {
            return Ok(());
        }
        match events.next().await {
            Ok(Some(_)) => {}
            // The stream ended: the next read of the list reports the reason, or succeeds.
            _ => {
                tokio::time::sleep(POLL_INTERVAL).await;
                return Ok(());
            }
        }
    }
}
