//! The legacy handshake and `server/discover`: how a client learns what is served.

use briefcase_json::raw::{RawObject, object, quote};
use briefcase_mcp::LEGACY_VERSIONS;
use briefcase_ports::{ClientProfile, Reply};
use briefcase_types::Era;
use bytes::Bytes;
use serde_json::Value;

use crate::{
    client_capabilities::features,
    connection_state::ConnectionState,
    refusal,
    reply::{self, server_info},
    request::{Request, client_name, required_string, supported_versions},
    server_capabilities::{ServedCapabilities, served},
};

/// The first published version. Some clients still open with it, and it differs in nothing that is served here.
const FIRST_VERSION: &str = "2024-11-05";

/// The client of an `initialize` request.
pub(crate) fn client(params: &Bytes) -> Result<ClientProfile, Reply> {
    let members = RawObject::from_slice(params).ok_or_else(|| reply::invalid_params("`params` must be an object"))?;
    let requested = required_string(&members, "protocolVersion")?;
    let part = |name: &str| match members.get(name) {
        None => Ok("{}"),
        Some(raw) if raw.starts_with('{') => Ok(raw),
        Some(_) => Err(reply::invalid_params(format!("`params.{name}` must be an object"))),
    };
    let (capabilities, info) = (part("capabilities")?, part("clientInfo")?);
    let version = negotiate(&requested);
    Ok(ClientProfile {
        era: Era::Legacy,
        is_shown: true,
        version,
        features: features(capabilities),
        name: client_name(info),
    })
}

/// The requested version if it is supported, otherwise the newest legacy version. The client decides whether to continue.
fn negotiate(requested: &str) -> &'static str {
    let supported = LEGACY_VERSIONS.into_iter().chain([FIRST_VERSION]).find(|version| *version == requested);
    supported.or_else(|| LEGACY_VERSIONS.last().copied()).unwrap_or(FIRST_VERSION)
}

/// Handles `initialize`.
pub(crate) async fn initialize(state: &ConnectionState, request: &Request) -> Reply {
    let served = match served(state, &request.client).await {
        Ok(served) => served,
        Err(refusal) => {
            state.clear_legacy_client();
            return Reply::Error(refusal::error(&refusal));
        }
    };
    let (version, info) = (quote(request.client.profile.version), server_info());
    let (capabilities, instructions) = parts(served);
    let mut members = vec![("protocolVersion", version.as_str()), ("serverInfo", info.as_str())];
    members.push(("capabilities", capabilities.as_str()));
    members.extend(instructions.as_ref().map(|text| ("instructions", text.as_str())));
    reply::result(object(members))
}

/// Handles `server/discover`.
pub(crate) async fn discover(state: &ConnectionState, request: &Request) -> Reply {
    let served = match served(state, &request.client).await {
        Ok(served) => served,
        Err(refusal) => return Reply::Error(refusal::error(&refusal)),
    };
    let versions = supported_versions();
    let (capabilities, instructions) = parts(served);
    let mut members = vec![("supportedVersions", versions.as_str()), ("capabilities", capabilities.as_str())];
    members.extend(instructions.as_ref().map(|text| ("instructions", text.as_str())));
    reply::cacheable(state.services().config.ttl_ms, &members)
}

/// `capabilities` and `instructions` as raw values.
fn parts(served: ServedCapabilities) -> (String, Option<String>) {
    (Value::Object(served.capabilities).to_string(), served.instructions.map(|text| quote(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supported_version_is_accepted_and_any_other_gets_the_newest() {
        for supported in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            assert_eq!(negotiate(supported), supported);
        }
        for other in ["2026-07-28", "1.0", "", "2099-01-01"] {
            assert_eq!(negotiate(other), "2025-11-25");
        }
    }
}
