//! Runs other programs. The error of a failed one names its command line.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace;

/// A program to run from the root of the workspace.
pub struct Step {
    command: Command,
    shown: String,
}

impl Step {
    /// A program by name or path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = Path::new(program.as_ref()).file_name().unwrap_or(program.as_ref()).to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        Self { command, shown }
    }

    /// `cargo`, the one that started this program.
    pub fn cargo() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo)
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    /// Runs in this folder.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets environment variables.
    pub fn envs(mut self, variables: &[(&str, String)]) -> Self {
        self.command.envs(variables.iter().map(|(name, value)| (name, value)));
        self
    }

    /// Runs it with our own stdout and stderr. Any exit code but 0 is a failure.
    pub fn run(mut self) -> Result<(), Failure> {
        let status = self.command.stdin(Stdio::null()).status().map_err(|error| self.cannot(&error))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("`{}` failed ({status})", self.shown))) }
    }

    /// Runs it and writes its output to a file.
    pub fn logged(mut self, log: &Path) -> Result<(), Failure> {
        let file = std::fs::File::create(log)?;
        self.command.stdout(file.try_clone()?).stderr(file);
        self.run()
    }

    /// Runs it and returns its stdout. Its stderr goes to ours.
    pub fn read(mut self) -> Result<String, Failure> {
        let output =
            self.command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| self.cannot(&error))?;
        if !output.status.success() {
            return Err(Failure::new(format!("`{}` failed ({})", self.shown, output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it with `input` on its stdin, and returns its stdout; stderr stays ours.
    ///
    /// The program has to read all of its input before it writes much.
    pub fn filter(mut self, input: &[u8]) -> Result<Vec<u8>, Failure> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = self.command.spawn().map_err(|error| self.cannot(&error))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input)?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(Failure::new(format!("`{}` failed ({})", self.shown, output.status)));
        }
        Ok(output.stdout)
    }

    /// Returns whether it runs and exits with code 0. Its output is dropped.
    pub fn succeeds(mut self) -> bool {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Returns the command, for a caller that needs its pipes.
    pub fn into_command(self) -> Command {
        self.command
    }

    fn cannot(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("`{}` could not be started: {error}", self.shown))
    }
}
