//! Going through questions at the terminal, and waiting for new ones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use briefcase_api::Question;
use briefcase_types::ApprovalId;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::json;

use super::{
    answer::{Choice, argument_names, decide_with_pin},
    open, question_page,
};
use crate::{
    change::with_pin,
    failure::Failure,
    moment,
    page::{Page, Tone, span},
    screen::{Answer, problem_page},
    surroundings::Surroundings,
    terminal::Terminal,
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
pub async fn run(around: &Surroundings, watch: bool) -> Result<Answer, Failure> {
    let terminal = Arc::new(Terminal::open()?);
    let (mut answered, mut skipped) = (0_u64, Vec::<ApprovalId>::new());
    loop {
        let questions = open(around).await?;
        skipped.retain(|id| questions.iter().any(|question| question.id == *id));
        let waiting: Vec<&Question> = questions.iter().filter(|question| !skipped.contains(&question.id)).collect();
        let Some(question) = waiting.first() else {
            if !watch {
                break;
            }
            terminal.show(&Page::of(span("Waiting for questions. Ctrl-C ends.", Tone::Dim)))?;
            wait_for_one(around, &skipped).await?;
            continue;
        };
        let mut page = Page::new();
        page.blank().line([span(format!("Question 1 of {}", waiting.len()), Tone::Dim)]);
        page.append(question_page(question, around.now()));
        terminal.show(&page)?;
        match put(around, &terminal, question).await? {
            Came::Answered => answered = answered.saturating_add(1),
            Came::Next => skipped.push(question.id),
            Came::Quit => break,
            Came::Gone => terminal.show(&Page::of(span("This question is no longer open.", Tone::Warn)))?,
        }
    }
    let left = open(around).await?.len();
    let text = match (answered, left) {
        (0, 0) => "No open questions.".to_owned(),
        (answered, left) => format!("{answered} answered, {left} left open."),
    };
    Ok(Answer::new(Page::of(text), &json!({ "answered": answered, "open": left })))
}

/// Puts one question to the person until it is answered or no longer open.
pub async fn insist(around: &Surroundings, question: &Question) -> Result<(), Failure> {
    let terminal = Arc::new(Terminal::open()?);
    loop {
        match put(around, &terminal, question).await? {
            Came::Answered | Came::Gone => return Ok(()),
            Came::Next => {}
            Came::Quit => return Err(Failure::Cancelled),
        }
    }
}

/// Puts one question to the person.
async fn put(around: &Surroundings, terminal: &Arc<Terminal>, question: &Question) -> Result<Came, Failure> {
    let (prompt, keys) = if question.once_only {
        ("[d]eny  allow [o]nce  [n]ext  [q]uit: ", "donq")
    } else {
        (
            "[d]eny  allow [o]nce  [s]ession, same arguments  session, any arguments of this [t]ool  [r]ule  [n]ext  [q]uit: ",
            "dostrnq",
        )
    };
    let choice = match key_while_open(around, terminal, question, prompt, keys).await? {
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
    match with_pin(around, &what, async |pin| decide_with_pin(around, question, &choice, pin).await).await {
        Ok(decided) => {
            let mark = if decided.decision == "approved" { span("✓ ", Tone::Good) } else { span("✗ ", Tone::Bad) };
            let mut page = Page::new();
            page.line([mark, format!("{}, recorded as {}", decided.decision, decided.receipt).into()]);
            terminal.show(&page)?;
            Ok(Came::Answered)
        }
        Err(Failure::Problem(problem)) if problem.code == "no_such_question" => Ok(Came::Gone),
        Err(Failure::Problem(problem)) if matches!(problem.code.as_str(), "wrong_pin" | "not_what_was_shown") => {
            terminal.show(&problem_page(&problem))?;
            Ok(Came::Next)
        }
        // An empty PIN takes the answer back, not the whole command.
        Err(Failure::Cancelled) => Ok(Came::Next),
        Err(failure) => Err(failure),
    }
}

/// Asks how narrow a standing rule is.
fn rule(terminal: &Terminal, question: &Question) -> Result<Choice, Failure> {
    let names = argument_names(question);
    let mut page = Page::new();
    page.line([span("A rule lets this agent call this tool again without asking.", Tone::Warn)]);
    page.text(format!("Arguments: {}", names.join(", ")));
    terminal.show(&page)?;
    let fixed = loop {
        let text = terminal.line("Which have to stay as they are? (names; empty: all of them; `none`: none): ")?;
        let chosen: Vec<String> = text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        match chosen.iter().find(|name| !names.contains(name)) {
            _ if text.is_empty() => break names,
            _ if text == "none" => break Vec::new(),
            None => break chosen,
            Some(unknown) => {
                terminal.show(&Page::of(span(format!("There is no argument `{unknown}`."), Tone::Warn)))?;
            }
        }
    };
    loop {
        let text = terminal.line("For how long? (such as 1h or 7d; empty: 1d): ")?;
        match moment::duration(if text.is_empty() { "1d" } else { &text }) {
            Ok(lasts) => return Ok(Choice::Rule { fixed, lasts }),
            Err(wrong) => terminal.show(&Page::of(span(wrong, Tone::Warn)))?,
        }
    }
}

/// Waits for a key as long as the question is open; `None` when it no longer is.
async fn key_while_open(
    around: &Surroundings,
    terminal: &Arc<Terminal>,
    question: &Question,
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
        let still_open = open(around).await.is_ok_and(|all| all.iter().any(|other| other.id == question.id));
        if !still_open {
            stop.store(true, Ordering::Release);
        }
    }
}

/// Waits until there is a question that was not seen. The events carry no data, so the list is looked at each time.
async fn wait_for_one(around: &Surroundings, seen: &[ApprovalId]) -> Result<(), Failure> {
    let mut events = around.client.stream(Method::GET, "/v1/events", Bytes::new()).await?;
    loop {
        if open(around).await?.iter().any(|question| !seen.contains(&question.id)) {
            return Ok(());
        }
        match events.frame().await {
            Some(Ok(_)) => {}
            // It ended: looking at the list again tells why, or finds it back.
            _ => {
                tokio::time::sleep(LOOK_AGAIN).await;
                return Ok(());
            }
        }
    }
}
