//! Commands that are programs of their own: this process becomes the program, with the same arguments.
//!
//! So the exit code, the streams and Ctrl-C are those of the program, and the command line links nothing of it.

use std::{ffi::OsString, os::unix::process::CommandExt as _};

use crate::{context::CommandContext, failure::Failure};

/// Replaces this process by a program of the same installation. Returns only when that fails.
pub fn replace_process(ctx: &CommandContext, program: &str, command: &str) -> Failure {
    let path = match ctx.companion(program) {
        Ok(path) => path,
        Err(failure) => return failure,
    };
    let arguments = without_command(std::env::args_os().skip(1), command);
    let error = std::process::Command::new(&path).args(arguments).exec();
    let next = "Install all programs of one version into one folder.";
    Failure::new("unavailable", format!("{} could not be started: {error}.", path.display()), next)
}

/// The arguments without the name of the command: its first occurrence, since only flags without a value precede it.
fn without_command(arguments: impl Iterator<Item = OsString>, command: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    if let Some(at) = arguments.iter().position(|argument| argument == command) {
        arguments.remove(at);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_command_is_dropped() {
        let forwarded = |line: &str| {
            let arguments = without_command(line.split(' ').map(OsString::from), "enclave");
            arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(forwarded("enclave verify enclave --json"), "verify enclave --json");
        assert_eq!(forwarded("--json enclave watch enclave --once"), "--json watch enclave --once");
    }
}
