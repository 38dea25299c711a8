//! How a client learns what it is talking to: the legacy handshake and `server/discover`.

use briefcase_mcp::LEGACY_VERSIONS;
use briefcase_ports::{ClientProfile, Era};
use bytes::Bytes;
use serde_json::Value;

use crate::{
    abilities::Client,
    answer::Answer,
    capability::Offer,
    conversation::{Inner, required},
    incoming::{Context, supported_versions},
    refusal,
    splice::{Members, object, quoted},
};

/// The first published version, which some clients still open with. It differs in nothing that is served here.
const FIRST_VERSION: &str = "2024-11-05";

/// The client of an `initialize` request.
pub(crate) fn client(params: &Bytes) -> Result<Client, Answer> {
    let members = Members::of_bytes(params).ok_or_else(|| Answer::invalid_params("`params` must be an object"))?;
    let asked = required(&members, "protocolVersion")?;
    let part = |name: &str| match members.get(name) {
        None => Ok(Bytes::from_static(b"{}")),
        Some(raw) if raw.starts_with('{') => Ok(Bytes::copy_from_slice(raw.as_bytes())),
        Some(_) => Err(Answer::invalid_params(format!("`params.{name}` must be an object"))),
    };
    let (capabilities, info) = (part("capabilities")?, part("clientInfo")?);
    Ok(Client::new(ClientProfile { era: Era::Legacy, version: negotiated(&asked).to_owned(), capabilities, info }))
}

/// The version that both speak, or the newest that could be spoken: the client decides whether it can.
fn negotiated(asked: &str) -> &'static str {
    let spoken = LEGACY_VERSIONS.into_iter().chain([FIRST_VERSION]).find(|version| *version == asked);
    spoken.or_else(|| LEGACY_VERSIONS.last().copied()).unwrap_or(FIRST_VERSION)
}

/// Who answers. Not the server behind: its name is its own claim.
pub(crate) fn server_info() -> String {
    object([
        ("name", r#""briefcase""#),
        ("title", r#""Briefcase""#),
        ("version", quoted(env!("CARGO_PKG_VERSION")).as_str()),
    ])
}

impl Inner {
    /// `initialize`.
    pub(crate) async fn initialize(&self, context: &Context) -> Answer {
        let offer = match self.offer(&context.client).await {
            Ok(offer) => offer,
            Err(refusal) => {
                self.forget_client();
                return Answer::Error(refusal::error(&refusal));
            }
        };
        let (version, info) = (quoted(&context.client.profile.version), server_info());
        with_offer(offer, |parts| {
            let head = [("protocolVersion", version.as_str()), ("serverInfo", info.as_str())];
            object(head.into_iter().chain(parts.iter().copied()))
        })
    }

    /// `server/discover`.
    pub(crate) async fn discover(&self, context: &Context) -> Answer {
        let offer = match self.offer(&context.client).await {
            Ok(offer) => offer,
            Err(refusal) => return Answer::Error(refusal::error(&refusal)),
        };
        let versions = supported_versions();
        with_offer(offer, |parts| {
            let members: Vec<_> =
                [("supportedVersions", versions.as_str())].into_iter().chain(parts.iter().copied()).collect();
            self.cacheable(&members)
        })
    }
}

fn with_offer(offer: Offer, write: impl FnOnce(&[(&str, &str)]) -> String) -> Answer {
    let capabilities = Value::Object(offer.capabilities).to_string();
    let instructions = offer.instructions.map(|text| quoted(&text));
    let mut parts = vec![("capabilities", capabilities.as_str())];
    parts.extend(instructions.as_ref().map(|text| ("instructions", text.as_str())));
    Answer::result(write(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoken_version_is_taken_and_any_other_gets_the_newest() {
        for spoken in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            assert_eq!(negotiated(spoken), spoken);
        }
        for other in ["2026-07-28", "1.0", "", "2099-01-01"] {
            assert_eq!(negotiated(other), "2025-11-25");
        }
    }
}
