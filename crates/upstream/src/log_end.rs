//! The end of a child's log, for error messages.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use briefcase_ports::LastLines;
use briefcase_types::text::printable;
use tokio_util::sync::CancellationToken;

/// The number of lines that an error message shows.
const LAST_LINES: usize = 5;
/// The longest line that an error message shows, in bytes. A longer one is named by its size, not cut: secrets of other
/// servers are removed later, and a part of one would not be found.
const LAST_LINE_LEN: usize = 1000;
/// The standard streams by path. A program that names one of them and fails has tried to open it.
const BY_PATH: [&str; 6] =
    ["/dev/stdin", "/dev/stdout", "/dev/fd/0", "/dev/fd/1", "/proc/self/fd/0", "/proc/self/fd/1"];

/// The end of a child's log, for error messages.
#[derive(Debug, Default)]
pub(crate) struct LogEnd {
    state: Mutex<LogEndState>,
    /// Fires when the log is complete. The redactor holds its newest text back until then.
    pub(crate) finished: CancellationToken,
}

#[derive(Debug, Default)]
struct LogEndState {
    lines: VecDeque<String>,
    opened: Option<&'static str>,
}

impl LogEnd {
    /// The last lines now.
    pub(crate) fn last_lines(&self) -> LastLines {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        LastLines { lines: state.lines.iter().cloned().collect(), opened: state.opened }
    }

    /// Adds a line without its secrets.
    pub(crate) fn add(&self, line: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.opened.is_none() {
            state.opened = BY_PATH.into_iter().find(|path| line.contains(path));
        }
        if state.lines.len() >= LAST_LINES {
            state.lines.pop_front();
        }
        let is_long = line.len() > LAST_LINE_LEN;
        state.lines.push_back(if is_long { format!("(a line of {} bytes)", line.len()) } else { printable(line) });
    }
}
