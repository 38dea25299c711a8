//! The folders of one briefcase (XDG Base Directory Specification), the same for all three programs.
//!
//! Invariant: each folder comes from its own variable, else from XDG's, else from `HOME`. There is no other fallback.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

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

/// The environment does not name a folder.
#[derive(Debug, thiserror::Error)]
#[error("the {what} folder is unknown: set {variable} or HOME")]
pub struct MissingFolder {
    what: &'static str,
    variable: &'static str,
}

impl Paths {
    /// Finds the folders. `variable` looks up an environment variable.
    ///
    /// # Errors
    /// [`MissingFolder`] when neither the folder's own variable nor `HOME` is set.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, MissingFolder> {
        let variable = &variable;
        Ok(Self {
            state: folder(variable, "BRIEFCASE_STATE_DIR", "XDG_STATE_HOME", ".local/state", "state")?,
            runtime: Self::runtime_folder(variable)?,
            config: Self::config_folder(variable)?,
        })
    }

    /// Returns the runtime folder alone, for programs that need nothing else.
    ///
    /// # Errors
    /// [`MissingFolder`] when no variable names it.
    pub fn runtime_folder(variable: &impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, MissingFolder> {
        if let Some(own) = set(variable, "BRIEFCASE_RUNTIME_DIR") {
            return Ok(own);
        }
        if let Some(xdg) = set(variable, "XDG_RUNTIME_DIR") {
            return Ok(xdg.join("briefcase"));
        }
        let state = folder(variable, "BRIEFCASE_STATE_DIR", "XDG_STATE_HOME", ".local/state", "runtime");
        let unknown = MissingFolder { what: "runtime", variable: "BRIEFCASE_RUNTIME_DIR" };
        state.map(|state| state.join("run")).map_err(|_| unknown)
    }

    /// Returns the configuration folder alone.
    ///
    /// # Errors
    /// [`MissingFolder`] when no variable names it.
    pub fn config_folder(variable: &impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, MissingFolder> {
        folder(variable, "BRIEFCASE_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "configuration")
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

fn set(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    variable(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn folder(
    variable: &impl Fn(&str) -> Option<OsString>,
    own: &'static str,
    xdg: &str,
    below_home: &str,
    what: &'static str,
) -> Result<PathBuf, MissingFolder> {
    set(variable, own)
        .or_else(|| set(variable, xdg).map(|dir| dir.join("briefcase")))
        .or_else(|| set(variable, "HOME").map(|home| home.join(below_home).join("briefcase")))
        .ok_or(MissingFolder { what, variable: own })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(pairs: &[(&str, &str)]) -> Result<Paths, MissingFolder> {
        Paths::from_environment(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn own_variables_win_over_xdg_over_home() {
        let home = paths(&[("HOME", "/h")]).unwrap();
        assert_eq!(home.state, PathBuf::from("/h/.local/state/briefcase"));
        assert_eq!(home.admin_socket(), PathBuf::from("/h/.local/state/briefcase/run/admin.sock"));
        assert_eq!(
            home.token_file(&"codex".parse().unwrap()),
            PathBuf::from("/h/.config/briefcase/agents/codex.token")
        );
        let xdg = paths(&[("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("XDG_RUNTIME_DIR", "/r")]).unwrap();
        assert_eq!((xdg.state, xdg.runtime), ("/x/briefcase".into(), "/r/briefcase".into()));
        let own = paths(&[("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("BRIEFCASE_STATE_DIR", "/b")]).unwrap();
        assert_eq!((own.state, own.runtime), (PathBuf::from("/b"), PathBuf::from("/b/run")));
    }

    #[test]
    fn without_home_the_error_names_the_variable_and_empty_is_unset() {
        let error = paths(&[("HOME", "")]).unwrap_err().to_string();
        assert_eq!(error, "the state folder is unknown: set BRIEFCASE_STATE_DIR or HOME");
        let error = Paths::runtime_folder(&|_: &str| None).unwrap_err().to_string();
        assert_eq!(error, "the runtime folder is unknown: set BRIEFCASE_RUNTIME_DIR or HOME");
        let sockets_only = |name: &str| (name == "BRIEFCASE_RUNTIME_DIR").then(|| OsString::from("/r"));
        assert_eq!(Paths::runtime_folder(&sockets_only).unwrap(), PathBuf::from("/r"), "needs no other folder");
    }
}
