//! The changes to a request's `params` that the eras need, made on the raw text: other members keep their bytes and place.

use std::fmt;

use briefcase_ports::ClientProfile;
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

pub(crate) const VERSION_KEY: &str = briefcase_mcp::PROTOCOL_VERSION_KEY;
pub(crate) const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
pub(crate) const INFO_KEY: &str = "io.modelcontextprotocol/clientInfo";
pub(crate) const LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";

/// The members of an object in their order, values as raw text.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for InOrder<'a> {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder(std::marker::PhantomData))
    }
}

/// The object with members set (`Some`) or removed (`None`); the rest is untouched.
pub(crate) fn with_members(object: &[u8], changes: &[(&str, Option<&[u8]>)]) -> Result<Bytes, serde_json::Error> {
    let Members(members) = serde_json::from_slice(object)?;
    let mut out = Vec::with_capacity(object.len() + 64);
    let change = |name: &str| changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
    for (name, value) in &members {
        match change(name) {
            None => push_member(&mut out, name, value.get().as_bytes()),
            Some(Some(new)) => push_member(&mut out, name, new),
            Some(None) => {}
        }
    }
    for (name, value) in changes {
        if let Some(value) = value
            && !members.iter().any(|(present, _)| present == name)
        {
            push_member(&mut out, name, value);
        }
    }
    if out.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(out.into())
}

fn push_member(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.push(if out.is_empty() { b'{' } else { b',' });
    briefcase_json::write_string(name, out);
    out.push(b':');
    out.extend_from_slice(value);
}

/// A string as JSON text.
pub(crate) fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    briefcase_json::write_string(text, &mut out);
    out
}

#[derive(Default, Deserialize)]
struct ParamsWithMeta<'a> {
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "progressToken")]
    token: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/logLevel")]
    level: Option<String>,
}

fn raw_meta(params: &[u8]) -> Result<Option<&[u8]>, serde_json::Error> {
    let params: ParamsWithMeta<'_> = serde_json::from_slice(params)?;
    Ok(params.meta.map(|raw| raw.get().as_bytes()))
}

/// The `params` for a modern server: `_meta` names the client.
pub(crate) fn modern(
    params: &[u8],
    client: &ClientProfile,
    version: &str,
    level: Option<&str>,
) -> Result<Bytes, serde_json::Error> {
    let (version, level) = (quoted(version), level.map(quoted));
    let mut changes: Vec<(&str, Option<&[u8]>)> = vec![
        (VERSION_KEY, Some(&version)),
        (CAPABILITIES_KEY, Some(object_or_empty(&client.capabilities))),
        (INFO_KEY, Some(&client.info).filter(|info| info.starts_with(b"{")).map(|info| &**info)),
    ];
    if let Some(level) = &level {
        changes.push((LEVEL_KEY, Some(level)));
    }
    let meta = with_members(raw_meta(params)?.unwrap_or(b"{}"), &changes)?;
    with_members(params, &[("_meta", Some(&meta))])
}

/// The `params` for a legacy server: without the members that only a modern server reads.
pub(crate) fn legacy(params: &Bytes) -> Result<Bytes, serde_json::Error> {
    if memchr::memmem::find(params, b"io.modelcontextprotocol/").is_none() {
        return Ok(params.clone());
    }
    let Some(meta) = raw_meta(params)? else { return Ok(params.clone()) };
    let rest =
        with_members(meta, &[(VERSION_KEY, None), (CAPABILITIES_KEY, None), (INFO_KEY, None), (LEVEL_KEY, None)])?;
    let rest = Some(&*rest).filter(|rest| *rest != b"{}");
    with_members(params, &[("_meta", rest)])
}

/// The progress token of a request, as written.
pub(crate) fn progress_token(params: &[u8]) -> Option<Box<str>> {
    memchr::memmem::find(params, b"progressToken")?;
    let meta: Meta<'_> = serde_json::from_slice(raw_meta(params).ok()??).ok()?;
    meta.token.map(|raw| raw.get().into())
}

/// The log level that a modern request asks for.
pub(crate) fn log_level(params: &[u8]) -> Option<String> {
    memchr::memmem::find(params, LEVEL_KEY.as_bytes())?;
    let meta: Meta<'_> = serde_json::from_slice(raw_meta(params).ok()??).ok()?;
    meta.level
}

pub(crate) fn object_or_empty(raw: &Bytes) -> &[u8] {
    if raw.starts_with(b"{") { raw } else { b"{}" }
}

#[cfg(test)]
mod tests {
    use briefcase_types::Era;

    use super::*;

    fn client() -> ClientProfile {
        ClientProfile {
            era: Era::Legacy,
            version: "2025-11-25".into(),
            capabilities: Bytes::from_static(br#"{"roots":{}}"#),
            info: Bytes::from_static(br#"{"name":"c"}"#),
        }
    }

    #[test]
    fn the_eras_change_only_meta() {
        let params = Bytes::from_static(br#"{"arguments":{"n":1.50},"_meta":{"progressToken":"t"},"name":"x"}"#);
        let modern = modern(&params, &client(), "2026-07-28", Some("info")).unwrap();
        let text = std::str::from_utf8(&modern).unwrap();
        assert!(text.starts_with(r#"{"arguments":{"n":1.50},"_meta":{"progressToken":"t","io.model"#), "{text}");
        assert!(text.ends_with(r#"},"name":"x"}"#), "{text}");
        assert_eq!(log_level(&modern).as_deref(), Some("info"));
        assert_eq!(progress_token(&modern).as_deref(), Some("\"t\""));
        assert_eq!(legacy(&modern).unwrap(), params);
    }

    #[test]
    fn a_meta_with_only_era_members_is_removed() {
        let modern = modern(b"{}", &client(), "2026-07-28", None).unwrap();
        assert_eq!(legacy(&modern).unwrap(), "{}");
        assert_eq!(legacy(&Bytes::from_static(b"{\"a\" : 1}")).unwrap(), "{\"a\" : 1}", "untouched, byte for byte");
    }

    #[test]
    fn the_clients_own_version_member_is_replaced() {
        let lie = br#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"1999-01-01"}}"#;
        let modern = modern(lie, &client(), "2026-07-28", None).unwrap();
        assert!(!modern.windows(4).any(|part| part == b"1999"));
    }
}
