//! The capabilities that a server declares.

use briefcase_json::raw::RawObject;
use briefcase_ports::ServerInfo;

/// Whether the server declares a capability.
pub(crate) fn declares(server: &ServerInfo, name: &str) -> bool {
    RawObject::from_slice(&server.capabilities).is_some_and(|all| all.object(name).is_some())
}

/// Whether the server declares that it sends a notification when a list changes.
pub(crate) fn announces_changes(server: &ServerInfo, name: &str) -> bool {
    let capability = RawObject::from_slice(&server.capabilities).and_then(|all| all.object(name));
    capability.is_some_and(|capability| capability.get("listChanged") == Some("true"))
}
