//! One request, read: which era it belongs to, who sends it, and what it asks for.

use std::sync::Arc;

use briefcase_mcp::{ErrorCode, LEGACY_VERSIONS, MODERN_VERSIONS, PROTOCOL_VERSION_KEY, ParamHeaders, RequestId};
use briefcase_ports::{ClientProfile, Era, RpcError};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    abilities::Client,
    answer::Answer,
    notices::level,
    splice::{Members, quoted, string},
    verbs::Verb,
};

const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const INFO_KEY: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";
/// The longest progress token, as written.
const MAX_TOKEN: usize = 256;

/// A request that can be served.
pub(crate) struct Context {
    pub(crate) id: RequestId,
    pub(crate) verb: Verb,
    pub(crate) client: Arc<Client>,
    /// `params`, raw; `{}` when there were none.
    pub(crate) params: Bytes,
    /// `_meta`, raw.
    pub(crate) meta: Option<Bytes>,
    /// The progress token, raw.
    pub(crate) progress: Option<Bytes>,
    /// Modern: the log level of this request.
    pub(crate) level: Option<u8>,
    /// Over HTTP: the headers that mirror arguments.
    pub(crate) headers: Option<ParamHeaders>,
    pub(crate) cancel: CancellationToken,
}

impl Context {
    pub(crate) fn era(&self) -> Era {
        self.client.profile.era
    }

    /// The members of `params`.
    pub(crate) fn members(&self) -> Result<Members<'_>, Answer> {
        Members::of_bytes(&self.params).ok_or_else(|| Answer::invalid_params("`params` must be an object"))
    }
}

/// What `_meta` says that the surface has to know.
#[derive(Default)]
pub(crate) struct Meta {
    pub(crate) raw: Option<Bytes>,
    pub(crate) progress: Option<Bytes>,
    pub(crate) level: Option<u8>,
    /// Modern: the client of this request.
    pub(crate) client: Option<ClientProfile>,
}

impl Meta {
    /// Reads `params._meta`.
    pub(crate) fn of(params: &Bytes) -> Result<Self, Answer> {
        let members = Members::of_bytes(params).ok_or_else(|| Answer::invalid_params("`params` must be an object"))?;
        let Some(raw) = members.get("_meta") else { return Ok(Self::default()) };
        let meta = Members::of(raw).ok_or_else(|| Answer::invalid_params("`_meta` must be an object"))?;
        let progress = meta.get("progressToken").map(token).transpose()?;
        let level = match meta.get(LOG_LEVEL_KEY) {
            None => None,
            Some(raw) => {
                Some(string(raw).as_deref().and_then(level).ok_or_else(|| invalid(LOG_LEVEL_KEY, "a log level"))?)
            }
        };
        Ok(Self { raw: Some(params.slice_ref(raw.as_bytes())), progress, level, client: modern(&meta)? })
    }
}

/// The client as a modern request describes it; `None` when the request is not modern.
fn modern(meta: &Members<'_>) -> Result<Option<ClientProfile>, Answer> {
    let Some(version) = meta.get(PROTOCOL_VERSION_KEY) else { return Ok(None) };
    let version = string(version).ok_or_else(|| invalid(PROTOCOL_VERSION_KEY, "a string"))?;
    if !MODERN_VERSIONS.contains(&version.as_str()) {
        return Err(unsupported_version(&version));
    }
    let object = |raw: &&str| raw.starts_with('{');
    let capabilities =
        meta.get(CAPABILITIES_KEY).filter(object).ok_or_else(|| invalid(CAPABILITIES_KEY, "an object"))?;
    let info = match meta.get(INFO_KEY) {
        None => r#"{"name":"unknown","version":"0"}"#,
        Some(info) if object(&info) => info,
        Some(_) => return Err(invalid(INFO_KEY, "an object")),
    };
    let copy = |raw: &str| Bytes::copy_from_slice(raw.as_bytes());
    Ok(Some(ClientProfile { era: Era::Modern, version, capabilities: copy(capabilities), info: copy(info) }))
}

fn token(raw: &str) -> Result<Bytes, Answer> {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if raw.len() > MAX_TOKEN || !(raw.starts_with('"') || integer) {
        return Err(Answer::invalid_params("`progressToken` must be a string or an integer"));
    }
    Ok(Bytes::copy_from_slice(raw.as_bytes()))
}

fn invalid(key: &str, expected: &str) -> Answer {
    Answer::invalid_params(format!("`_meta` must have `{key}` as {expected}"))
}

/// `-32022` with what is spoken here.
fn unsupported_version(requested: &str) -> Answer {
    let data = format!(r#"{{"supported":{},"requested":{}}}"#, supported_versions(), quoted(requested));
    Answer::Error(RpcError {
        code: ErrorCode::UNSUPPORTED_PROTOCOL_VERSION.0,
        message: "this protocol version is not spoken here".to_owned(),
        data: Some(data.into()),
    })
}

/// All versions, newest first, as JSON.
pub(crate) fn supported_versions() -> String {
    let newest_first = MODERN_VERSIONS.iter().rev().chain(LEGACY_VERSIONS.iter().rev());
    format!("[{}]", newest_first.map(|version| quoted(version)).collect::<Vec<_>>().join(","))
}
