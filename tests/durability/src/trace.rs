//! The writes of a program, in order, from `strace`.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
};

use crate::{Failure, check};

/// Requires `strace`. The error names the package to install.
pub fn require_strace() -> Result<(), Failure> {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err("strace is needed for these campaigns: apt-get install strace (or: cargo xtask setup)".into())
}

/// An event on the files of a state folder, or an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Write { file: String, at: usize, bytes: Vec<u8> },
    Truncate { file: String, length: usize },
    Sync { file: String },
    Said(String),
}

/// All traced system calls, joined, in the order of their ends.
pub struct Log(Vec<(String, String)>);

impl Log {
    /// Runs a program under `strace`.
    pub fn record(program: &Command, calls: &[&str]) -> Result<Self, Failure> {
        let place = check::scratch(true)?;
        let file = place.path().join("log");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-y", "-xx", "-s", "1000000", "-e", "signal=none", "-e"]);
        command.arg(format!("trace={}", calls.join(","))).arg("-o").arg(&file);
        command.arg(program.get_program()).args(program.get_args());
        let output = check::spawn(command)?.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("the traced program failed: {}", String::from_utf8_lossy(&output.stdout)).into());
        }
        Ok(Self::whole(&std::fs::read_to_string(file)?))
    }

    /// Joins the parts of calls that other threads interrupted in the log.
    fn whole(text: &str) -> Self {
        let mut pending: HashMap<&str, &str> = HashMap::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            if let Some(begun) = call.strip_suffix("<unfinished ...>") {
                pending.insert(thread, begun.trim_end());
            } else if let Some((_, ended)) = call.strip_prefix("<... ").and_then(|rest| rest.split_once("resumed>")) {
                let begun = pending.remove(thread).unwrap_or_default();
                calls.push((thread.to_owned(), format!("{begun}{ended}")));
            } else {
                calls.push((thread.to_owned(), call.to_owned()));
            }
        }
        Self(calls)
    }

    /// The number of calls by the busiest thread: `strace` counts per thread.
    pub fn most_in_one_thread(&self, call: &str) -> u64 {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for (thread, line) in &self.0 {
            if line.strip_prefix(call).is_some_and(|rest| rest.starts_with('(')) {
                *counts.entry(thread).or_default() += 1;
            }
        }
        counts.into_values().max().unwrap_or(0)
    }

    /// The events on the state's files and the output.
    pub fn events(&self) -> Result<Vec<Event>, Failure> {
        let events = self.0.iter().filter_map(|(_, line)| event(line).transpose());
        events.collect()
    }
}

fn event(line: &str) -> Result<Option<Event>, Failure> {
    let unreadable = || format!("unknown strace line: {}", line.get(..200).unwrap_or(line));
    let (name, rest) = line.split_once('(').ok_or_else(unreadable)?;
    let (arguments, result) = rest.rsplit_once(" = ").ok_or_else(unreadable)?;
    if result.starts_with('-') {
        return Err(unreadable().into());
    }
    let mut arguments = arguments.trim_end().trim_end_matches(')').split(", ");
    let (descriptor, path) = arguments.next().and_then(|first| first.split_once('<')).ok_or_else(unreadable)?;
    let path = text(path.trim_end_matches('>'))?;
    let file = path.rsplit('/').next().unwrap_or_default().to_owned();
    let kept = matches!(file.as_str(), "briefcase.db" | "briefcase.db-wal" | "head" | "overlap");
    let mut argument = || arguments.next().ok_or_else(unreadable);
    Ok(match name {
        "write" if descriptor == "1" => Some(Event::Said(String::from_utf8(bytes(argument()?)?)?)),
        "pwrite64" if kept => {
            let bytes = bytes(argument()?)?;
            let length: usize = argument()?.parse()?;
            if bytes.len() != length || result != length.to_string() {
                return Err(unreadable().into());
            }
            Some(Event::Write { file, at: argument()?.parse()?, bytes })
        }
        "ftruncate" if kept => Some(Event::Truncate { file, length: argument()?.parse()? }),
        "fsync" | "fdatasync" if kept => Some(Event::Sync { file }),
        _ => None,
    })
}

/// Decodes a path, which `-xx` prints with escapes.
fn text(printed: &str) -> Result<String, Failure> {
    if printed.contains("\\x") { Ok(String::from_utf8(bytes(printed)?)?) } else { Ok(printed.to_owned()) }
}

/// Decodes the bytes of `"\x41\x42"`.
fn bytes(printed: &str) -> Result<Vec<u8>, Failure> {
    let inner = printed.trim_matches('"');
    let escapes = inner.split("\\x").skip(1);
    escapes.map(|digits| Ok(u8::from_str_radix(digits, 16)?)).collect()
}
