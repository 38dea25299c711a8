//! Standard output and standard error.
//!
//! Invariant: results go to stdout, everything else to stderr. Colour appears only on a terminal and without `NO_COLOR`. A
//! reader that stops reading ends the program quietly.

use std::{
    future::Future,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use briefcase_api::Problem;
use serde_json::Value;

use crate::{
    failure::Failure,
    output::{TextOutput, Tone, span},
};

/// The result of a command: text for a person, a document for a program, and whether a check failed.
#[derive(Debug)]
pub struct CommandResult {
    /// For a person.
    pub output: TextOutput,
    /// For `--json`.
    pub json: Value,
    /// Whether a check failed.
    pub negative: bool,
}

impl CommandResult {
    /// A positive result.
    pub fn new(output: TextOutput, json: &impl serde::Serialize) -> Self {
        Self { output, json: serde_json::to_value(json).unwrap_or_default(), negative: false }
    }

    /// Sets whether a check failed.
    pub fn negative(mut self, negative: bool) -> Self {
        self.negative = negative;
        self
    }
}

/// Writes text to stdout.
pub fn show(output: &TextOutput) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(output.render(true).as_bytes())?;
    Ok(out.flush()?)
}

/// Writes bytes to stdout as they are.
pub fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Writes one JSON document to stdout.
pub fn json(value: &Value) -> Result<(), Failure> {
    raw(format!("{value:#}\n").as_bytes())
}

/// Writes text to stderr. A failure to write is ignored.
pub fn tell(output: &TextOutput) {
    let _ = anstream::stderr().lock().write_all(output.render(true).as_bytes());
}

/// Writes a problem to stderr.
pub fn report(problem: &Problem, json: bool) {
    if json {
        let text = serde_json::to_string(problem).unwrap_or_default();
        let _ = writeln!(io::stderr().lock(), "{text}");
    } else {
        tell(&problem_output(problem));
    }
}

/// A problem and its next step as text.
pub fn problem_output(problem: &Problem) -> TextOutput {
    let mut output = TextOutput::new();
    let code = format!(" ({})", problem.code);
    output.line([span("error: ", Tone::Bad), problem.message.as_str().into(), span(code, Tone::Dim)]);
    if !problem.next_step.is_empty() {
        output.next(&problem.next_step);
    }
    output
}

/// The time after which a wait shows progress, and the interval of updates.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Waits for `work`. After a second it shows the reason and the time on stderr, if that is a terminal.
pub async fn waiting<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let began = tokio::time::Instant::now();
    let mut shown = false;
    let result = loop {
        match tokio::time::timeout(PROGRESS_INTERVAL, &mut work).await {
            Ok(result) => break result,
            Err(_) => {
                let text = format!("\r{} … {} s ", crate::output::visible(what), began.elapsed().as_secs());
                let _ = io::stderr().lock().write_all(text.as_bytes());
                shown = true;
            }
        }
    };
    if shown {
        let _ = io::stderr().lock().write_all(b"\r\x1b[K");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_with_its_code_and_next_step() {
        let problem = Problem::new("locked", "It is locked\u{1b}[2J.", "Unlock it with `briefcase unlock`.");
        let expected = "error: It is locked\\u{1b}[2J. (locked)\n→ Unlock it with `briefcase unlock`.\n";
        assert_eq!(problem_output(&problem).render(false), expected);
    }
}
