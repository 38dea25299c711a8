//! The folders of one briefcase, the same for all programs.
//!
//! The state and the configuration follow the XDG Base Directory Specification. The sockets do not: a client may start
//! the gateway with an environment of a few variables, and both ends must still name the same folder.
//!
//! Invariant: without `BRIEFCASE_*` variables, the sockets' folder depends only on the user and on `HOME`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use briefcase_platform::user::UserFolders;
use briefcase_types::AgentId;

use crate::{ADMIN_SOCKET, AGENT_SOCKET};

/// The folders of one briefcase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The state folder: database, vault, head.
    pub state: PathBuf,
    /// The runtime folder: sockets.
    pub runtime: PathBuf,
    /// The configuration folder: agent tokens and settings.
    pub config: PathBuf,
}

/// Neither the environment nor the user database names a folder.
#[derive(Debug, thiserror::Error)]
#[error("the {what} folder is unknown: set {variable} or HOME")]
pub struct MissingFolder {
    what: &'static str,
    variable: &'static str,
}

impl Paths {
    /// Finds the folders. `variable` looks up an environment variable. The runtime folder is where a daemon binds.
    ///
    /// # Errors
    /// [`MissingFolder`] when neither the folder's own variable nor a home is known.
    pub fn find(variable: impl Fn(&str) -> Option<OsString>, user: &UserFolders) -> Result<Self, MissingFolder> {
        let variable = &variable;
        let runtime = Self::runtime_folders(variable, user)?.swap_remove(0);
        let state = folder(variable, user, "BRIEFCASE_STATE_DIR", "XDG_STATE_HOME", ".local/state", "state")?;
        Ok(Self { state, runtime, config: Self::config_folder(variable, user)? })
    }

    /// Finds the folders as [`Paths::find`] does, with the runtime folder of a daemon that runs now.
    ///
    /// # Errors
    /// [`MissingFolder`], likewise.
    pub fn find_running(
        variable: impl Fn(&str) -> Option<OsString>,
        user: &UserFolders,
    ) -> Result<Self, MissingFolder> {
        let runtime = in_use(Self::runtime_folders(&variable, user)?);
        Ok(Self { runtime, ..Self::find(variable, user)? })
    }

    /// Returns the runtime folder of a daemon that runs now, for programs that need nothing else.
    ///
    /// # Errors
    /// [`MissingFolder`] when no home is known.
    pub fn running_folder(
        variable: &impl Fn(&str) -> Option<OsString>,
        user: &UserFolders,
    ) -> Result<PathBuf, MissingFolder> {
        Self::runtime_folders(variable, user).map(in_use)
    }

    /// Returns the configuration folder alone.
    ///
    /// # Errors
    /// [`MissingFolder`] when no home is known.
    pub fn config_folder(
        variable: &impl Fn(&str) -> Option<OsString>,
        user: &UserFolders,
    ) -> Result<PathBuf, MissingFolder> {
        folder(variable, user, "BRIEFCASE_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "configuration")
    }

    /// Returns the folders where sockets may be. A daemon binds in the first. It bound in the second if the first did
    /// not exist when it started. There is always a first one.
    fn runtime_folders(
        variable: &impl Fn(&str) -> Option<OsString>,
        user: &UserFolders,
    ) -> Result<Vec<PathBuf>, MissingFolder> {
        if let Some(own) = set(variable, "BRIEFCASE_RUNTIME_DIR") {
            return Ok(vec![own]);
        }
        if let Some(state) = set(variable, "BRIEFCASE_STATE_DIR") {
            return Ok(vec![state.join("run")]);
        }
        let home = home(variable, user).ok_or(MissingFolder { what: "runtime", variable: "BRIEFCASE_RUNTIME_DIR" })?;
        // Another HOME is another briefcase, so the user's own folder is not for it.
        let users = user.runtime.iter().filter(|_| user.home.as_ref() == Some(&home));
        Ok(users.map(|folder| folder.join("briefcase")).chain([home.join(".local/state/briefcase/run")]).collect())
    }

    /// Returns the path of `admin.sock`.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.runtime.join(ADMIN_SOCKET)
    }

    /// Returns the path of `agent.sock`.
    #[must_use]
    pub fn agent_socket(&self) -> PathBuf {
        self.runtime.join(AGENT_SOCKET)
    }

    /// Returns the path of an agent's token file.
    #[must_use]
    pub fn token_file(&self, agent: &AgentId) -> PathBuf {
        Self::token_file_in(&self.config, agent)
    }

    /// Returns the path of an agent's token file in a configuration folder.
    #[must_use]
    pub fn token_file_in(config: &Path, agent: &AgentId) -> PathBuf {
        config.join("agents").join(format!("{agent}.token"))
    }
}

/// The first folder that has a socket, else the first.
fn in_use(mut folders: Vec<PathBuf>) -> PathBuf {
    let found = folders.iter().position(|folder| folder.join(AGENT_SOCKET).exists()).unwrap_or(0);
    folders.swap_remove(found)
}

fn set(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    variable(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn home(variable: &impl Fn(&str) -> Option<OsString>, user: &UserFolders) -> Option<PathBuf> {
    set(variable, "HOME").or_else(|| user.home.clone())
}

fn folder(
    variable: &impl Fn(&str) -> Option<OsString>,
    user: &UserFolders,
    own: &'static str,
    xdg: &str,
    below_home: &str,
    what: &'static str,
) -> Result<PathBuf, MissingFolder> {
    set(variable, own)
        .or_else(|| set(variable, xdg).map(|dir| dir.join("briefcase")))
        .or_else(|| home(variable, user).map(|home| home.join(below_home).join("briefcase")))
        .ok_or(MissingFolder { what, variable: own })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> UserFolders {
        UserFolders { home: Some("/h".into()), runtime: Some("/run/user/7".into()) }
    }

    fn paths(user: &UserFolders, pairs: &[(&str, &str)]) -> Result<Paths, MissingFolder> {
        Paths::find(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()), user)
    }

    #[test]
    fn own_variables_win_over_xdg_over_home() {
        let nobody = UserFolders::default();
        let home = paths(&nobody, &[("HOME", "/h")]).unwrap();
        assert_eq!(home.state, PathBuf::from("/h/.local/state/briefcase"));
        assert_eq!(home.admin_socket(), PathBuf::from("/h/.local/state/briefcase/run/admin.sock"));
        assert_eq!(
            home.token_file(&"codex".parse().unwrap()),
            PathBuf::from("/h/.config/briefcase/agents/codex.token")
        );
        let xdg = paths(&nobody, &[("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("XDG_CONFIG_HOME", "/c")]).unwrap();
        assert_eq!((xdg.state, xdg.config), ("/x/briefcase".into(), "/c/briefcase".into()));
        let own = [("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("BRIEFCASE_STATE_DIR", "/b")];
        let own = paths(&login(), &own).unwrap();
        assert_eq!((own.state, own.runtime), (PathBuf::from("/b"), PathBuf::from("/b/run")));
        let own = paths(&login(), &[("BRIEFCASE_STATE_DIR", "/b"), ("BRIEFCASE_RUNTIME_DIR", "/r")]).unwrap();
        assert_eq!(own.runtime, PathBuf::from("/r"));
    }

    #[test]
    fn a_client_that_passes_few_variables_finds_the_same_sockets() {
        let full = [
            ("HOME", "/h"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
            ("XDG_STATE_HOME", "/x"),
            ("USER", "u"),
            ("PATH", "/bin"),
        ];
        for user in [login(), UserFolders { runtime: None, ..login() }] {
            let daemon = paths(&user, &full).unwrap().runtime;
            for left in 0..1_u32 << full.len() {
                let some: Vec<_> =
                    full.iter().enumerate().filter(|(at, _)| left & (1 << at) != 0).map(|(_, pair)| *pair).collect();
                assert_eq!(paths(&user, &some).unwrap().runtime, daemon, "{some:?}");
            }
            for wrong in ["/run/user/8", "/tmp/elsewhere", "relative", ""] {
                assert_eq!(paths(&user, &[("XDG_RUNTIME_DIR", wrong)]).unwrap().runtime, daemon, "{wrong}");
            }
        }
        assert_eq!(paths(&login(), &full).unwrap().runtime, PathBuf::from("/run/user/7/briefcase"));
    }

    #[test]
    fn another_home_is_another_briefcase() {
        let other = paths(&login(), &[("HOME", "/tmp/other"), ("XDG_RUNTIME_DIR", "/run/user/7")]).unwrap();
        assert_eq!(other.runtime, PathBuf::from("/tmp/other/.local/state/briefcase/run"));
    }

    #[test]
    fn a_daemon_that_started_before_the_login_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        let user = UserFolders { home: Some(home.clone()), runtime: Some(dir.path().join("user")) };
        let none = |_: &str| None;
        let (late, early) = (dir.path().join("user/briefcase"), home.join(".local/state/briefcase/run"));
        assert_eq!(Paths::running_folder(&none, &user).unwrap(), late, "nothing runs");
        for folder in [&early, &late] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(AGENT_SOCKET), "").unwrap();
            assert_eq!(Paths::running_folder(&none, &user).unwrap(), *folder);
            assert_eq!(Paths::find_running(none, &user).unwrap().runtime, *folder);
            assert_eq!(Paths::find(none, &user).unwrap().runtime, late, "where a new daemon binds");
        }
    }

    #[test]
    fn without_home_the_error_names_the_variable_and_empty_is_unset() {
        let nobody = UserFolders::default();
        let error = paths(&nobody, &[("HOME", ""), ("BRIEFCASE_RUNTIME_DIR", "/r")]).unwrap_err().to_string();
        assert_eq!(error, "the state folder is unknown: set BRIEFCASE_STATE_DIR or HOME");
        let error = paths(&nobody, &[]).unwrap_err().to_string();
        assert_eq!(error, "the runtime folder is unknown: set BRIEFCASE_RUNTIME_DIR or HOME");
        let sockets_only = |name: &str| (name == "BRIEFCASE_RUNTIME_DIR").then(|| OsString::from("/r"));
        let folder = Paths::running_folder(&sockets_only, &nobody).unwrap();
        assert_eq!(folder, PathBuf::from("/r"), "needs no other folder");
        assert_eq!(paths(&login(), &[]).unwrap().state, PathBuf::from("/h/.local/state/briefcase"));
    }
}
