//! Going through questions at the terminal, and waiting for new ones.

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
    answer::{Choice, argument_names, decide_with_pin},
    open, question_output,
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

/// How often it is looked whether a question that is on the screen is still open.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What came of one question.
enum Came {
    /// It was answered here.
    Answered,
    /// The person wants to see the next one.
    Next,
    /// The person has seen enough.
    Quit,
    /// It expired, or was answered elsewhere.
    Gone,
}

/// Goes through the open questions; with `watch` also through those to come.
pub async fn run(ctx: &CommandContext, watch: bool) -> Result<CommandResult, Failure> {
    let terminal = Arc::new(Terminal::open()?);
    let (mut answered, mut skipped) = (0_u64, Vec::<ApprovalId>::new());
    loop {
        let questions = open(ctx).await?;
        skipped.retain(|id| questions.iter().any(|question| question.id == *id));
        let waiting: Vec<&ApprovalRequest> =
            questions.iter().filter(|question| !skipped.contains(&question.id)).collect();
        let Some(question) = waiting.first() else {
            if !watch {
                break;
            }
            terminal.show(&TextOutput::of(span("Waiting for approval requests. Press Ctrl-C to stop.", Tone::Dim)))?;
            wait_for_one(ctx, &skipped).await?;
            continue;
        };
        let mut output = TextOutput::new();
        output.blank().line([span(format!("Approval request 1 of {}", waiting.len()), Tone::Dim)]);
        output.append(question_output(question, ctx.now()));
        terminal.show(&output)?;
        match put(ctx, &terminal, question).await? {
            Came::Answered => answered = answered.saturating_add(1),
            Came::Next => skipped.push(question.id),
            Came::Quit => break,
            Came::Gone => {
                terminal.show(&TextOutput::of(span("This approval request is no longer pending.", Tone::Warn)))?;
            }
        }
    }
    let left = open(ctx).await?.len();
    let text = match (answered, left) {
        (0, 0) => "No pending approvals.".to_owned(),
        (answered, left) => format!("{answered} decided, {left} pending."),
    };
    Ok(CommandResult::new(TextOutput::of(text), &json!({ "answered": answered, "open": left })))
}

/// Puts one question to the person until it is answered or no longer open.
pub async fn insist(ctx: &CommandContext, question: &ApprovalRequest) -> Result<(), Failure> {
    let terminal = Arc::new(Terminal::open()?);
    loop {
        match put(ctx, &terminal, question).await? {
            Came::Answered | Came::Gone => return Ok(()),
            Came::Next => {}
            Came::Quit => return Err(Failure::Cancelled),
        }
    }
}

/// Puts one question to the person.
async fn put(ctx: &CommandContext, terminal: &Arc<Terminal>, question: &ApprovalRequest) -> Result<Came, Failure> {
    let (prompt, keys) = if question.once_only {
        ("[d]eny  allow [o]nce  [n]ext  [q]uit: ", "donq")
    } else {
        (
            "[d]eny  allow [o]nce  [s]ession, these arguments  session, this [t]ool  create [r]ule  [n]ext  [q]uit: ",
            "dostrnq",
        )
    };
    let choice = match key_while_open(ctx, terminal, question, prompt, keys).await? {
        None => return Ok(Came::Gone),
        Some('n') => return Ok(Came::Next),
        Some('q') => return Ok(Came::Quit),
        Some('o') => Choice::Once,
        Some('s') => Choice::SessionExact,
        Some('t') => Choice::SessionTool,
        Some('r') => rule(terminal, question)?,
        Some(_) => Choice::Deny,
    };
    let what = format!("to {}", choice.meaning(question));
    match with_pin(ctx, &what, async |pin| decide_with_pin(ctx, question, &choice, pin).await).await {
        Ok(decided) => {
            let mark = if decided.decision == DecisionResult::Approved {
                span("✓ ", Tone::Good)
            } else {
                span("✗ ", Tone::Bad)
            };
            let mut output = TextOutput::new();
            output.line([mark, format!("{}, recorded as {}", decided.decision, decided.receipt).into()]);
            terminal.show(&output)?;
            Ok(Came::Answered)
        }
        Err(Failure::Problem(problem)) if problem.code == "no_such_question" => Ok(Came::Gone),
        Err(Failure::Problem(problem)) if matches!(problem.code.as_str(), "wrong_pin" | "not_what_was_shown") => {
            terminal.show(&problem_output(&problem))?;
            Ok(Came::Next)
        }
        // An empty PIN takes the answer back, not the whole command.
        Err(Failure::Cancelled) => Ok(Came::Next),
        Err(failure) => Err(failure),
    }
}

/// Asks how narrow a standing rule is.
fn rule(terminal: &Terminal, question: &ApprovalRequest) -> Result<Choice, Failure> {
    let names = argument_names(question);
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

/// Waits for a key as long as the question is open; `None` when it no longer is.
async fn key_while_open(
    ctx: &CommandContext,
    terminal: &Arc<Terminal>,
    question: &ApprovalRequest,
    prompt: &str,
    keys: &'static str,
) -> Result<Option<char>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (reader, stopped, prompt) = (Arc::clone(terminal), Arc::clone(&stop), prompt.to_owned());
    let mut typed = tokio::task::spawn_blocking(move || reader.key(&prompt, keys, &stopped));
    loop {
        if let Ok(key) = tokio::time::timeout(LOOK_AGAIN, &mut typed).await {
            return key.unwrap_or(Err(Failure::Cancelled));
        }
        let still_open = open(ctx).await.is_ok_and(|all| all.iter().any(|other| other.id == question.id));
        if !still_open {
            stop.store(true, Ordering::Release);
        }
    }
}

/// Waits until there is a question that was not seen. The events carry no data, so the list is looked at each time.
async fn wait_for_one(ctx: &CommandContext, seen: &[ApprovalId]) -> Result<(), Failure> {
    let mut events = ctx.client.events().await?;
    loop {
        if open(ctx).await?.iter().any(|question| !seen.contains(&question.id)) {
            return Ok(());
        }
        match events.next().await {
            Ok(Some(_)) => {}
            // It ended: looking at the list again tells why, or finds it back.
            _ => {
                tokio::time::sleep(LOOK_AGAIN).await;
                return Ok(());
            }
        }
    }
}
