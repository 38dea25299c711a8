//! Builds and runs `briefcase-log`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::programs;
use crate::step::Step;

/// The program.
#[derive(Debug)]
pub struct LogProgram(PathBuf);

impl LogProgram {
    /// Builds the program.
    pub fn build() -> Result<Self, Failure> {
        Ok(Self(programs::program("briefcase-log", "briefcase-log")?))
    }

    /// Runs a command in the current folder. Its output goes to stderr: stdout is for our own answer.
    pub fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Result<(), Failure> {
        eprint!("{}", Step::new(&self.0).args(args).dir(".").read()?);
        Ok(())
    }

    /// Makes a key and returns its public half.
    pub fn key(&self, file: &Path, name: &str, owner: &str) -> Result<String, Failure> {
        let made = Step::new(&self.0).args(["key".as_ref(), file.as_os_str()]).args(["--name", name, "--for", owner]);
        Ok(made.read()?.trim().to_owned())
    }

    /// The command, for a caller that needs its pipes.
    pub fn command(&self) -> std::process::Command {
        Step::new(&self.0).into_command()
    }
}
