//! The context of a command: folders, the daemon, programs, the time. Read from the process once, in `main`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use briefcase_admin_client::AdminClient;
use briefcase_ipc::{Paths, user};
use briefcase_types::{SecretString, UnixMillis};
use tokio::process::Command;

use crate::{failure::Failure, terminal::Terminal};

/// The context of a command.
#[derive(Debug)]
pub struct CommandContext {
    /// Folders of the briefcase.
    pub paths: Paths,
    /// The folders that a program with an empty environment finds.
    pub default_paths: Option<Paths>,
    /// The daemon.
    pub client: AdminClient,
    /// Whether a program reads the output.
    pub json: bool,
    /// The person's editor, from the environment.
    pub editor: Option<OsString>,
    /// The folders of programs, from the environment.
    pub search: Option<OsString>,
    /// The home of started programs, if it is not the person's own.
    pub home: Option<PathBuf>,
}

impl CommandContext {
    /// The context of this process. `variable` reads the environment.
    pub fn new(json: bool, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let user = user::current();
        let paths = Paths::find_running(&variable, &user)
            .map_err(|error| Failure::usage(format!("{error}."), "Set HOME, as a login does."))?;
        let editor = variable("VISUAL").or_else(|| variable("EDITOR")).filter(|editor| !editor.is_empty());
        Ok(Self {
            client: AdminClient::new(paths.admin_socket()),
            paths,
            default_paths: Paths::find_running(|_| None, &user).ok(),
            json,
            editor,
            search: variable("PATH"),
            home: None,
        })
    }

    /// The context of a briefcase with all its folders, and the home of its programs, in this folder.
    pub fn inside(&self, folder: &Path) -> Self {
        let paths = Paths { state: folder.join("state"), runtime: folder.join("run"), config: folder.join("config") };
        Self {
            client: AdminClient::new(paths.admin_socket()),
            paths,
            default_paths: self.default_paths.clone(),
            json: self.json,
            editor: None,
            search: self.search.clone(),
            home: Some(folder.join("home")),
        }
    }

    /// The command of another program of this installation. It uses these folders, whatever the environment says.
    pub fn command(&self, program: &str) -> Result<Command, Failure> {
        let mut command = Command::new(self.program(program)?);
        command
            .env("BRIEFCASE_STATE_DIR", &self.paths.state)
            .env("BRIEFCASE_RUNTIME_DIR", &self.paths.runtime)
            .env("BRIEFCASE_CONFIG_DIR", &self.paths.config);
        if let Some(home) = &self.home {
            command.env("HOME", home);
        }
        Ok(command)
    }

    /// The time, for relative times in output.
    pub fn now(&self) -> UnixMillis {
        #[expect(clippy::disallowed_methods, reason = "shown to a person, decides nothing")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Finds another program of this installation: beside this one, else in `PATH`.
    pub fn program(&self, name: &str) -> Result<PathBuf, Failure> {
        let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|dir| dir.join(name)));
        let elsewhere = self.search.iter().flat_map(std::env::split_paths).map(|dir| dir.join(name));
        beside.into_iter().chain(elsewhere).find(|path| path.is_file()).ok_or_else(|| {
            let text = format!("The program `{name}` is neither beside this one nor in PATH.");
            Failure::new("unavailable", text, "Install all programs of one version into one folder.")
        })
    }

    /// Finds a program whose verdict counts as this one's: beside this one, and nowhere else.
    pub fn companion(&self, name: &str) -> Result<PathBuf, Failure> {
        let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|dir| dir.join(name)));
        beside.filter(|path| path.is_file()).ok_or_else(|| {
            let text = format!("The program `{name}` is not beside this one.");
            Failure::new("unavailable", text, "Install all programs of one version into one folder.")
        })
    }

    /// Asks the person for the PIN.
    pub fn pin(&self, what_for: &str) -> Result<SecretString, Failure> {
        let terminal = Terminal::open()?;
        let pin = terminal.secret(&format!("PIN {what_for} (empty to cancel): "))?;
        if pin.expose(str::is_empty) { Err(Failure::Cancelled) } else { Ok(pin) }
    }
}
