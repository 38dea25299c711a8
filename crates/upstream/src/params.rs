//! The changes to a request's `params` that the eras need, made on the raw text: other members keep their bytes and place.

use briefcase_json::raw::{RawObject, quote};
use bytes::Bytes;

use crate::identity::ClientIdentity;

pub(crate) const VERSION_KEY: &str = briefcase_mcp::PROTOCOL_VERSION_KEY;
pub(crate) const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
pub(crate) const INFO_KEY: &str = "io.modelcontextprotocol/clientInfo";
const LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";

/// The object with members set (`Some`) or removed (`None`); the rest is untouched. `None` when it is not an object.
pub(crate) fn with_members(object: &[u8], changes: &[(&str, Option<&str>)]) -> Option<Bytes> {
    Some(RawObject::from_slice(object)?.with(changes).into())
}

/// The `params` for a modern server: `_meta` names Briefcase as the client. `None` when they are not an object.
pub(crate) fn modern(params: &[u8], client: &ClientIdentity, version: &str) -> Option<Bytes> {
    let version = quote(version);
    let changes = [
        (VERSION_KEY, Some(version.as_str())),
        (CAPABILITIES_KEY, Some(&*client.capabilities)),
        (INFO_KEY, Some(client.info.as_str())),
    ];
    let params = RawObject::from_slice(params)?;
    let meta = RawObject::parse(raw_meta(&params).unwrap_or("{}"))?.with(&changes);
    Some(params.with(&[("_meta", Some(&meta))]).into())
}

/// The `params` for a legacy server: without the members that only a modern server reads. `None` when they are not an
/// object.
pub(crate) fn legacy(params: &Bytes) -> Option<Bytes> {
    if memchr::memmem::find(params, b"io.modelcontextprotocol/").is_none() {
        return Some(params.clone());
    }
    let members = RawObject::from_slice(params)?;
    let Some(meta) = raw_meta(&members) else { return Some(params.clone()) };
    let removed = [VERSION_KEY, CAPABILITIES_KEY, INFO_KEY, LEVEL_KEY].map(|key| (key, None));
    let rest = RawObject::parse(meta)?.with(&removed);
    Some(members.with(&[("_meta", (rest != "{}").then_some(&rest))]).into())
}

/// The raw `_meta`; `None` when it is absent or `null`.
fn raw_meta<'a>(params: &RawObject<'a>) -> Option<&'a str> {
    params.get("_meta").filter(|meta| *meta != "null")
}

/// The progress token of a request, as written.
pub(crate) fn progress_token(params: &[u8]) -> Option<Box<str>> {
    memchr::memmem::find(params, b"progressToken")?;
    RawObject::from_slice(params)?
        .object("_meta")?
        .get("progressToken")
        .filter(|token| *token != "null")
        .map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> ClientIdentity {
        ClientIdentity { capabilities: r#"{"roots":{}}"#.into(), info: r#"{"name":"c"}"#.into() }
    }

    #[test]
    fn the_eras_change_only_meta() {
        let params = Bytes::from_static(br#"{"arguments":{"n":1.50},"_meta":{"progressToken":"t"},"name":"x"}"#);
        let modern = modern(&params, &client(), "2026-07-28").unwrap();
        let text = std::str::from_utf8(&modern).unwrap();
        assert!(text.starts_with(r#"{"arguments":{"n":1.50},"_meta":{"progressToken":"t","io.model"#), "{text}");
        assert!(text.ends_with(r#"},"name":"x"}"#), "{text}");
        assert_eq!(progress_token(&modern).as_deref(), Some("\"t\""));
        assert_eq!(legacy(&modern).unwrap(), params);
    }

    #[test]
    fn a_meta_with_only_era_members_is_removed() {
        let modern = modern(b"{}", &client(), "2026-07-28").unwrap();
        assert_eq!(legacy(&modern).unwrap(), "{}");
        assert_eq!(legacy(&Bytes::from_static(b"{\"a\" : 1}")).unwrap(), "{\"a\" : 1}", "untouched, byte for byte");
    }

    #[test]
    fn the_clients_own_version_member_is_replaced() {
        let lie = br#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"1999-01-01"}}"#;
        let modern = modern(lie, &client(), "2026-07-28").unwrap();
        assert!(!modern.windows(4).any(|part| part == b"1999"));
    }
}
