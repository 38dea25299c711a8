//! The capabilities that a server declares.

use briefcase_ports::ServerInfo;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::params::Members;

/// Whether the server declares a capability.
pub(crate) fn declares(server: &ServerInfo, name: &str) -> bool {
    capability(server, name).is_some_and(|value| value.get().starts_with('{'))
}

/// Whether the server declares that it sends a notification when a list changes.
pub(crate) fn announces_changes(server: &ServerInfo, name: &str) -> bool {
    #[derive(Deserialize)]
    struct ListCapability {
        #[serde(default, rename = "listChanged")]
        list_changed: bool,
    }
    let declared = capability(server, name);
    let parsed = declared.and_then(|value| serde_json::from_str::<ListCapability>(value.get()).ok());
    parsed.is_some_and(|capability| capability.list_changed)
}

fn capability<'a>(server: &'a ServerInfo, name: &str) -> Option<&'a RawValue> {
    let Members(members) = serde_json::from_slice(&server.capabilities).ok()?;
    members.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}
