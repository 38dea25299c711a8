//! Settings that a person may change, for one server and for the whole briefcase.
//!
//! Both types are part of the authority document and of the admin contract. A setting at its default is not written, so a
//! document without settings keeps its digest.

use std::{collections::BTreeSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Digest, text::printable};

/// The settings of one server. Each default is the strict choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// The time to start the server and to answer the handshake, in seconds. [`ServerSettings::START_TIMEOUT`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub start_timeout_s: Option<u32>,
    /// The longest message of the server, in bytes. [`ServerSettings::MESSAGE_BYTES`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub message_bytes: Option<u32>,
    /// Whether a local server gets pipes instead of socket pairs. Other processes of the same user can write into pipes.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub pipes: bool,
    /// The `_meta` members of an agent's calls that are sent to the server.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<BTreeSet<String>>", optional))]
    pub forward_meta: BTreeSet<String>,
    /// Whether the server receives the name and version of the agent's client.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub client_identity: bool,
    /// Whether the server may ask the person for a PIN, a password or a key. Such a request is marked.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub ask_for_secrets: bool,
    /// The process that listened on the port of this machine when the server was accepted. The server's secret is sent to
    /// no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub loopback_owner: Option<LoopbackOwner>,
}

/// The owner of a listening port of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LoopbackOwner {
    /// The user id.
    pub user: u32,
    /// The program's file. Absent for a process that the daemon may not look into, such as one of another user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub program: Option<String>,
    /// The digest of the program's file, arguments and working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub command: Option<Digest>,
}

impl fmt::Display for LoopbackOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.program {
            Some(program) => write!(f, "`{}` of user {}", printable(program), self.user),
            None => write!(f, "a process of user {}", self.user),
        }
    }
}

/// The settings of the whole briefcase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How long an agent keeps a label after it last received labelled data, in seconds while the daemon runs.
    /// [`Settings::LABEL_SECONDS`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub label_seconds: Option<u32>,
}

/// A setting is outside its limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct SettingError {
    /// The setting.
    pub name: &'static str,
    /// The allowed values.
    pub why: &'static str,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

impl ServerSettings {
    /// The default of `start_timeout_s`.
    pub const START_TIMEOUT: u32 = 60;
    /// The default of `message_bytes`: 4 MiB.
    pub const MESSAGE_BYTES: u32 = 4 << 20;
    /// The highest `message_bytes`: 64 MiB.
    pub const MESSAGE_BYTES_MAX: u32 = 64 << 20;
    const START_TIMEOUT_MAX: u32 = 900;
    const NAMES_MAX: usize = 64;

    /// Returns whether every setting has its default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the limits.
    ///
    /// # Errors
    /// [`SettingError`] for the first setting outside its limits.
    pub fn check(&self) -> Result<(), SettingError> {
        let refuse = |name, why| Err(SettingError { name, why });
        if self.start_timeout_s.is_some_and(|seconds| !(1..=Self::START_TIMEOUT_MAX).contains(&seconds)) {
            return refuse("start_timeout_s", "a start may take 1 to 900 seconds");
        }
        if self.message_bytes.is_some_and(|bytes| !((64 << 10)..=Self::MESSAGE_BYTES_MAX).contains(&bytes)) {
            return refuse("message_bytes", "a message may have 64 KiB to 64 MiB");
        }
        let is_name =
            |name: &String| (1..=256).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        if self.forward_meta.len() > Self::NAMES_MAX || !self.forward_meta.iter().all(is_name) {
            return refuse("forward_meta", "at most 64 names, each of 1 to 256 printable ASCII characters");
        }
        Ok(())
    }

    /// The differences to `old`, one line each, such as `start_timeout_s 120`.
    #[must_use]
    pub fn changes(&self, old: &Self) -> Vec<String> {
        changed_members(old, self)
    }
}

impl Settings {
    /// The default of `label_seconds`: one hour.
    pub const LABEL_SECONDS: u32 = 3600;
    const LABEL_SECONDS_MAX: u32 = 30 * 24 * 3600;

    /// The time for which an agent keeps a label, while the daemon runs.
    #[must_use]
    pub fn label_lifetime(&self) -> Duration {
        Duration::from_secs(self.label_seconds.unwrap_or(Self::LABEL_SECONDS).into())
    }

    /// Returns whether every setting has its default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the limits.
    ///
    /// # Errors
    /// [`SettingError`] for the first setting outside its limits.
    pub fn check(&self) -> Result<(), SettingError> {
        match self.label_seconds {
            Some(seconds) if !(60..=Self::LABEL_SECONDS_MAX).contains(&seconds) => {
                Err(SettingError { name: "label_seconds", why: "labels last 60 seconds to 30 days" })
            }
            _ => Ok(()),
        }
    }

    /// The differences to `old`, one line each, such as `label_seconds 7200`.
    #[must_use]
    pub fn changes(&self, old: &Self) -> Vec<String> {
        changed_members(old, self)
    }
}

/// Each member whose value differs, with its new value as JSON, or `default`.
fn changed_members<T: Serialize>(old: &T, new: &T) -> Vec<String> {
    let members = |settings: &T| match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (members(old), members(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let text = |value: &serde_json::Value| value.to_string();
    changed.map(|name| format!("{name} {}", new.get(name).map_or_else(|| "default".to_owned(), text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_not_written() {
        assert_eq!(serde_json::to_string(&ServerSettings::default()).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&Settings::default()).unwrap(), "{}");
        assert!(serde_json::from_str::<ServerSettings>(r#"{"pipe":true}"#).is_err());
    }

    #[test]
    fn every_limit_is_checked() {
        let base = ServerSettings::default;
        let outside = [
            ServerSettings { start_timeout_s: Some(0), ..base() },
            ServerSettings { start_timeout_s: Some(901), ..base() },
            ServerSettings { message_bytes: Some(1), ..base() },
            ServerSettings { message_bytes: Some((64 << 20) + 1), ..base() },
            ServerSettings { forward_meta: [String::new()].into(), ..base() },
            ServerSettings { forward_meta: ["a b".to_owned()].into(), ..base() },
        ];
        for settings in outside {
            assert!(settings.check().is_err(), "{settings:?}");
        }
        let inside = ServerSettings { message_bytes: Some(64 << 20), start_timeout_s: Some(900), ..base() };
        assert!(inside.check().is_ok());
        assert!(Settings { label_seconds: Some(59) }.check().is_err());
        assert!(Settings { label_seconds: Some(86_400) }.check().is_ok());
    }

    #[test]
    fn changes_name_each_member_and_its_new_value() {
        let old = ServerSettings { pipes: true, start_timeout_s: Some(5), ..Default::default() };
        let new =
            ServerSettings { start_timeout_s: Some(9), forward_meta: ["a/b".into()].into(), ..Default::default() };
        assert_eq!(new.changes(&old), [r#"forward_meta ["a/b"]"#, "pipes default", "start_timeout_s 9"]);
    }
}
