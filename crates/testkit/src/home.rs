//! A throw-away place for one briefcase.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use crate::program;

/// Folders for one briefcase, removed when dropped.
pub struct Home {
    dir: TempDir,
    /// The user that owns it, where that is not the one who runs the tests.
    owner: Option<u32>,
}

/// The user and group that owns nothing.
const NOBODY: u32 = 65534;

impl Home {
    /// New and empty. On a path short enough for sockets.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("bc-").tempdir_in("/tmp").expect("a folder in /tmp");
        for name in ["state", "run", "config", "home"] {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).expect("a folder");
            rustix::fs::chmod(&folder, rustix::fs::Mode::RWXU).expect("a private folder");
        }
        Self { dir, owner: None }
    }

    /// New and empty, and no business of root: when root runs the tests, the folders belong to `nobody` and the programs run
    /// as `nobody`, so that modes, limits and `ptrace` rules mean something.
    pub fn without_root() -> Self {
        let mut home = Self::new();
        if rustix::process::geteuid().is_root() {
            home.owner = Some(NOBODY);
            for folder in ["", "state", "run", "config", "home"] {
                home.hand_over(&home.path().join(folder));
            }
        }
        home
    }

    /// Gives a file that the test has made to the owner of the home.
    pub fn hand_over(&self, path: &Path) {
        if let Some(owner) = self.owner {
            std::os::unix::fs::chown(path, Some(owner), Some(owner)).expect("root may give files away");
        }
    }

    /// Any program, as the owner of the home, with nothing in its environment but this home and `PATH`.
    pub fn owners(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(self.env());
        if let Some(owner) = self.owner {
            command.uid(owner).gid(owner);
        }
        command
    }

    /// The folder that holds all of it.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Database, vault, head.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Sockets.
    pub fn runtime(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Agent tokens and settings.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    /// A file for the test's own use.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The environment that points a program here, and nowhere else.
    pub fn env(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("BRIEFCASE_STATE_DIR", self.state()),
            ("BRIEFCASE_RUNTIME_DIR", self.runtime()),
            ("BRIEFCASE_CONFIG_DIR", self.config()),
            ("HOME", self.dir.path().join("home")),
        ]
    }

    /// A program of ours that sees this home, `PATH`, and nothing else of the environment.
    pub fn command(&self, name: &str) -> Command {
        self.owners(self.reachable(program(name)))
    }

    /// A program where the owner of the home can run it: root's folders are closed to others.
    fn reachable(&self, program: PathBuf) -> PathBuf {
        if self.owner.is_none() {
            return program;
        }
        let copy = self.path().join("programs").join(program.file_name().expect("a name"));
        if !copy.exists() {
            std::fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
            std::fs::copy(program, &copy).expect("the program can be copied");
        }
        copy
    }

    /// All bytes of all files, for canaries.
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

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}
