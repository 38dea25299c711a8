//! Where one briefcase lives (XDG Base Directory Specification), the same for all three programs.
//!
//! Invariant: each folder is named by its own variable, else by XDG's, else below `HOME`; nothing is guessed beyond that.

use std::{ffi::OsString, path::PathBuf};

use briefcase_types::AgentId;

use crate::{ADMIN_SOCKET, AGENT_SOCKET};

/// The folders of one briefcase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Database, vault, head.
    pub state: PathBuf,
    /// Sockets.
    pub runtime: PathBuf,
    /// Agent tokens and settings.
    pub config: PathBuf,
}

/// No folder could be found for something.
#[derive(Debug, thiserror::Error)]
#[error("the {what} folder is not known: set {variable}, or HOME")]
pub struct NoFolder {
    what: &'static str,
    variable: &'static str,
}

impl Paths {
    /// Finds the folders. `variable` looks up the environment.
    ///
    /// # Errors
    /// When neither a variable of its own nor `HOME` names one of them.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoFolder> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let under = |own: &'static str, xdg: &str, below_home: &str, what: &'static str| {
            set(own)
                .or_else(|| set(xdg).map(|dir| dir.join("briefcase")))
                .or_else(|| set("HOME").map(|home| home.join(below_home).join("briefcase")))
                .ok_or(NoFolder { what, variable: own })
        };
        let state = under("BRIEFCASE_STATE_DIR", "XDG_STATE_HOME", ".local/state", "state")?;
        let config = under("BRIEFCASE_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "configuration")?;
        let runtime = set("BRIEFCASE_RUNTIME_DIR")
            .or_else(|| set("XDG_RUNTIME_DIR").map(|dir| dir.join("briefcase")))
            .unwrap_or_else(|| state.join("run"));
        Ok(Self { state, runtime, config })
    }

    /// The socket of people's programs.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.runtime.join(ADMIN_SOCKET)
    }

    /// The socket of agents' gateways.
    #[must_use]
    pub fn agent_socket(&self) -> PathBuf {
        self.runtime.join(AGENT_SOCKET)
    }

    /// The file with an agent's token.
    #[must_use]
    pub fn token_file(&self, agent: &AgentId) -> PathBuf {
        self.config.join("agents").join(format!("{agent}.token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(pairs: &[(&str, &str)]) -> Result<Paths, NoFolder> {
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
    fn without_a_home_the_error_names_the_variable_and_empty_is_unset() {
        let error = paths(&[("HOME", "")]).unwrap_err().to_string();
        assert_eq!(error, "the state folder is not known: set BRIEFCASE_STATE_DIR, or HOME");
    }
}
