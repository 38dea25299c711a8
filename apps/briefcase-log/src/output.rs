//! The output of a command: lines for people, or one JSON document for programs.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use briefcase_types::text::printable;
use serde_json::Value;

#[derive(Debug)]
pub struct CommandOutput {
    pub lines: Vec<String>,
    pub json: Value,
    /// Whether the check or request failed; sets exit code 1.
    pub failed: bool,
}

impl CommandOutput {
    pub fn new(lines: impl IntoIterator<Item = String>, json: Value) -> Self {
        Self { lines: lines.into_iter().collect(), json, failed: false }
    }

    pub fn print(&self, json: bool) -> ExitCode {
        let text = if json {
            format!("{:#}\n", self.json)
        } else {
            self.lines.iter().map(|line| printable(line) + "\n").collect()
        };
        let _reader_left = io::stdout().lock().write_all(text.as_bytes());
        ExitCode::from(u8::from(self.failed))
    }
}
