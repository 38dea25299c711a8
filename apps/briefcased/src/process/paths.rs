//! Where things live (XDG Base Directory Specification), each overridable for tests and services.

use std::path::PathBuf;

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
#[error("{what} is not known: set {variable}, or HOME")]
pub struct NoHome {
    what: &'static str,
    variable: &'static str,
}

impl Paths {
    /// Finds the folders from the environment, given as a look-up.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, NoHome> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = set("HOME");
        let under_home = |tail: &str| home.as_ref().map(|home| home.join(tail));
        let state = set("BRIEFCASE_STATE_DIR")
            .or_else(|| set("XDG_STATE_HOME").map(|dir| dir.join("briefcase")))
            .or_else(|| under_home(".local/state/briefcase"))
            .ok_or(NoHome { what: "the state folder", variable: "BRIEFCASE_STATE_DIR" })?;
        let config = set("BRIEFCASE_CONFIG_DIR")
            .or_else(|| set("XDG_CONFIG_HOME").map(|dir| dir.join("briefcase")))
            .or_else(|| under_home(".config/briefcase"))
            .ok_or(NoHome { what: "the configuration folder", variable: "BRIEFCASE_CONFIG_DIR" })?;
        let runtime = set("BRIEFCASE_RUNTIME_DIR")
            .or_else(|| set("XDG_RUNTIME_DIR").map(|dir| dir.join("briefcase")))
            .unwrap_or_else(|| state.join("run"));
        Ok(Self { state, runtime, config })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_variables_win_over_xdg_over_home() {
        let paths = |pairs: &'static [(&str, &str)]| {
            Paths::from_environment(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let home = paths(&[("HOME", "/h")]).unwrap();
        assert_eq!(home.state, PathBuf::from("/h/.local/state/briefcase"));
        assert_eq!(home.runtime, PathBuf::from("/h/.local/state/briefcase/run"));
        let own = paths(&[("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("BRIEFCASE_STATE_DIR", "/b")]).unwrap();
        assert_eq!(own.state, PathBuf::from("/b"));
        assert!(paths(&[]).is_err());
    }
}
