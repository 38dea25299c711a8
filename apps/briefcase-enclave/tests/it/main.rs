//! The auditor as people meet it: `briefcase enclave`, which becomes `briefcase-enclave`.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test what cannot go on fails the test, with its place"
)]

mod audit;
mod forwarded;

use std::process::{Command, Output, Stdio};

use briefcase_testkit::{TempHome, program};

/// The command line, in a home of its own, with nothing in its environment but that home and `PATH`.
fn briefcase(home: &TempHome, args: &[&str]) -> Command {
    let mut command = Command::new(program("briefcase"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(home.env());
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it to its end.
fn run(home: &TempHome, args: &[&str]) -> Ran {
    Ran(briefcase(home, args).output().expect("briefcase runs"))
}

/// An ended process.
struct Ran(Output);

impl Ran {
    fn code(&self) -> i32 {
        self.0.status.code().expect("it ended by itself")
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).expect("text")
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).expect("text")
    }
}
