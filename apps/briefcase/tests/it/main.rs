//! The real command line, at a terminal of its own, with the real daemon or a stub.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "in a test what cannot go on fails the test, with its place"
)]

mod demo;
mod errors;
mod help;
mod job;
mod pipes;
mod pty;
mod real;
#[expect(dead_code, reason = "shared with the tests of the receipts, which use more of it")]
#[path = "../../../../crates/receipts/tests/it/sample.rs"]
mod sample;
mod stub;
mod typing;
mod verify;

use std::process::{Command, Output, Stdio};

use briefcase_testkit::TempHome;

/// The program in a home of its own. Its environment has only that home and `PATH`.
fn briefcase(home: &TempHome, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_briefcase"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(home.env());
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it to its end without a terminal: in a session of its own, which has no `/dev/tty`.
fn run(home: &TempHome, args: &[&str]) -> Ran {
    let inner = briefcase(home, args);
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    Ran(command.output().expect("setsid and briefcase run"))
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
