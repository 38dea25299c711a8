//! A temporary home for one briefcase.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{clock, program};

/// The folders of one briefcase, removed when dropped.
pub struct TempHome {
    dir: TempDir,
}

impl TempHome {
    /// Makes an empty home, on a path short enough for sockets.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("bc-").tempdir_in("/tmp").expect("a folder in /tmp");
        for name in ["state", "run", "config", "home"] {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).expect("a folder");
            rustix::fs::chmod(&folder, rustix::fs::Mode::RWXU).expect("a private folder");
        }
        Self { dir }
    }

    /// The command of any program. Its environment has only this home and `PATH`.
    pub fn command_of(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(self.env());
        command
    }

    /// The home's folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The state folder: database, vault, head.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The runtime folder: sockets.
    pub fn runtime(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// The configuration folder: agent tokens and settings.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    /// A file for the test's own use.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The environment variables that name this home's folders, and the clock of the test run.
    pub fn env(&self) -> Vec<(&'static str, PathBuf)> {
        let own = [
            ("BRIEFCASE_STATE_DIR", self.state()),
            ("BRIEFCASE_RUNTIME_DIR", self.runtime()),
            ("BRIEFCASE_CONFIG_DIR", self.config()),
            ("HOME", self.dir.path().join("home")),
        ];
        own.into_iter().chain(clock().into_iter().map(|(name, value)| (name, value.into()))).collect()
    }

    /// The command of one of this project's programs. Its environment has only this home and `PATH`.
    pub fn command(&self, name: &str) -> Command {
        self.command_of(program(name))
    }

    /// The bytes of all files, for canaries.
    pub fn all_bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![self.dir.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => open.push(entry.path()),
                    Ok(kind) if kind.is_file() => {
                        found.extend(std::fs::read(entry.path()).map(|bytes| (entry.path(), bytes)));
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

impl Default for TempHome {
    fn default() -> Self {
        Self::new()
    }
}
