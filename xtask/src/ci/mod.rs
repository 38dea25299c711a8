//! Every check, each as a command that a person can run. Stops at the first failure.
//!
//! Checks run in two queues. Nothing is downloaded: cargo and npm run offline, and missing tools are reported before
//! the first check begins.

mod checks;
mod tally;
mod timings;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::step::Step;
use crate::tools::{self, Tool};
use crate::{programs, workspace};
use checks::{BUILD, CHECKS, Check};
use tally::Tally;
use timings::{Timing, Timings};

/// The queue of a check.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Queue {
    /// One after the other: compiling, and tests that use all processors.
    Main,
    /// One after the other, beside the main queue. May wait for a check of the main queue to pass.
    Beside { after: Option<&'static str> },
}

/// The downloads of setup, required without a network.
const FETCHED: [Tool; 6] =
    [Tool::Crates, Tool::Deny, Tool::WebPackages, Tool::FixturePackages, Tool::MockPackages, Tool::DemoPackages];

/// Runs all checks, or those from `--from STEP` on.
pub fn run(args: &[String]) -> Result<(), Failure> {
    if workspace::flag(args, "--list") {
        for check in CHECKS {
            println!("{:<12} {}", check.name, command(check));
        }
        return Ok(());
    }
    let selected = selected(workspace::option(args, "--from"))?;
    let ahead = workspace::flag(args, "--two-years-ahead");
    let mut needed: Vec<Tool> = FETCHED.to_vec();
    needed.extend(selected.iter().flat_map(|check| tools::of(check.args)));
    tools::require(&needed)?;
    let logs = workspace::target().join("ci");
    std::fs::create_dir_all(&logs)?;
    let run = Run {
        selected: &selected,
        logs,
        verbose: workspace::flag(args, "--verbose"),
        sequential: workspace::flag(args, "--sequential"),
        clock: if ahead { Some(Clock::ahead()?) } else { None },
        progress: Progress::new(),
        state: Mutex::default(),
        changed: Condvar::new(),
    };
    let started = Instant::now();
    run.all();
    run.report(started.elapsed(), ahead)
}

fn selected(from: Option<&str>) -> Result<Vec<&'static Check>, Failure> {
    let first = match from {
        None => 0,
        Some(name) => CHECKS
            .iter()
            .position(|check| check.name == name)
            .ok_or_else(|| Failure::new(format!("no check is called {name}: see `cargo xtask ci --list`")))?,
    };
    Ok(CHECKS.iter().skip(first).collect())
}

/// One run of the checks.
struct Run<'a> {
    selected: &'a [&'static Check],
    logs: PathBuf,
    verbose: bool,
    sequential: bool,
    /// The clock of every check, if it differs from that of the machine.
    clock: Option<Clock>,
    progress: Progress,
    state: Mutex<State>,
    changed: Condvar,
}

/// The results so far.
#[derive(Default)]
struct State {
    passed: BTreeSet<&'static str>,
    tally: Tally,
    timings: Timings,
    additional: BTreeSet<String>,
    failure: Option<Failure>,
}

/// The output of one check, counted.
#[derive(Default)]
struct Read {
    tally: Tally,
    additional: BTreeSet<String>,
    cpu: Duration,
    succeeded: bool,
}

impl Run<'_> {
    fn all(&self) {
        let _shown = (!self.verbose).then(|| self.progress.show());
        if self.sequential {
            return self.queue(|_| true);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| self.queue(|queue| queue != Queue::Main));
            self.queue(|queue| queue == Queue::Main);
        });
    }

    /// Runs the checks of a queue until one fails, here or in the other queue.
    fn queue(&self, mine: impl Fn(Queue) -> bool) {
        for check in self.selected.iter().filter(|check| mine(check.queue)) {
            if !self.may_begin(check) {
                return;
            }
            if let Err(failure) = self.one(check) {
                self.state().failure.get_or_insert(failure);
            }
            self.changed.notify_all();
        }
    }

    /// Waits for the check before this one. Returns false when a check has failed.
    fn may_begin(&self, check: &Check) -> bool {
        let after = match check.queue {
            Queue::Beside { after: Some(after) } if self.selected.iter().any(|other| other.name == after) => {
                Some(after)
            }
            _ => None,
        };
        let mut state = self.state();
        while state.failure.is_none() && after.is_some_and(|after| !state.passed.contains(after)) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failure.is_none()
    }

    fn one(&self, check: &'static Check) -> Result<(), Failure> {
        let log = self.logs.join(format!("{}.log", check.name));
        let began = Instant::now();
        self.progress.begin(check.name);
        let read = self.watched(check, &log);
        self.progress.end(check.name);
        let read = read?;
        let (wall, passed) = (began.elapsed(), read.tally.passed());
        let mut state = self.state();
        state.tally.merge(&read.tally);
        state.additional.extend(read.additional);
        state.timings.add(Timing { name: check.name, wall, cpu: read.cpu, passed });
        let word = if read.succeeded { "ok" } else { "FAILED" };
        let counted = if passed == 0 { String::new() } else { format!("  {passed} passed") };
        self.progress.print(&format!("{:<12} {word:<6} {:>8}{counted}", check.name, shown(wall)));
        if read.succeeded {
            state.passed.insert(check.name);
            return Ok(());
        }
        if !self.verbose {
            self.progress.print(&end_of(&log)?);
        }
        let from = format!("cargo xtask ci --from {}", check.name);
        Err(Failure::new(format!("{} failed. Again: {}   The rest after it: {from}", check.name, command(check))))
    }

    /// Runs one check and writes its output to its log.
    fn watched(&self, check: &'static Check, log: &PathBuf) -> Result<Read, Failure> {
        let (reader, writer) = std::io::pipe()?;
        let errors = writer.try_clone()?;
        let mut command = Step::new(workspace::itself()?).args(check.args).into_command();
        command
            .envs([("CARGO_TERM_COLOR", "never"), ("CARGO_NET_OFFLINE", "true"), ("npm_config_offline", "true")])
            // No check builds again from changed sources.
            .env("CARGO_INCREMENTAL", "0")
            .env(programs::LINT, "1")
            .envs(self.clock.iter().flat_map(Clock::variables));
        if self.is_built() {
            command.env(programs::BUILT, "1");
        }
        let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(errors).spawn()?;
        // The command keeps the write ends open; while it lives, the pipe does not end.
        drop(command);
        let mut read = Read::default();
        let mut file = File::create(log)?;
        for line in BufReader::new(reader).split(b'\n') {
            let line = line?;
            file.write_all(&line)?;
            file.write_all(b"\n")?;
            let text = String::from_utf8_lossy(&line);
            read.tally.read(&text);
            if text.trim_start().starts_with("additional run:") {
                read.additional.insert(text.trim().to_owned());
            }
            self.progress.line(check.name, &text);
            if self.verbose {
                self.progress.print(&text);
            }
        }
        read.cpu = timings::cpu(child.id());
        read.succeeded = child.wait()?.success();
        Ok(read)
    }

    /// Returns whether the programs are built: by a check of this run, or by an earlier run when this one begins after
    /// that check.
    fn is_built(&self) -> bool {
        let here = self.selected.iter().any(|check| check.name == BUILD);
        here && self.state().passed.contains(BUILD)
    }

    fn report(self, took: Duration, ahead: bool) -> Result<(), Failure> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        println!("\n{}\n", state.timings);
        for line in &state.additional {
            println!("{line}");
        }
        if !ahead {
            println!(
                "additional run: all checks with the clock two years ahead: did not run; `cargo xtask ci --two-years-ahead`"
            );
        }
        if let Some(failure) = state.failure {
            println!("{}", state.tally);
            return Err(failure);
        }
        println!("\nall checks passed in {}", shown(took));
        println!("{}", state.tally);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end_of(log: &PathBuf) -> Result<String, Failure> {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let end: Vec<&str> = lines.iter().skip(lines.len().saturating_sub(SHOWN)).copied().collect();
    Ok(format!("--- end of {} ---\n{}\n---", log.display(), end.join("\n")))
}

fn command(check: &Check) -> String {
    format!("cargo xtask {}", check.args.join(" "))
}

/// A duration in the form for people.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{seconds}.{}s", time.subsec_millis() / 100)
    }
}
