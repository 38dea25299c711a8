//! One request of a client: its era, its sender, its method.

use std::sync::Arc;

use briefcase_json::raw::{RawObject, decode_string, quote};
use briefcase_mcp::{ErrorCode, LEGACY_VERSIONS, MODERN_VERSIONS, PROTOCOL_VERSION_KEY, ParamHeaders, RequestId};
use briefcase_ports::{ClientName, ClientProfile, Reply, RpcError};
use briefcase_types::Era;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    client_capabilities::{Client, features},
    logging,
    methods::Method,
    reply,
};

const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const INFO_KEY: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";
/// The longest progress token, as written.
const MAX_TOKEN: usize = 256;

/// A request that can be served.
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) method: Method,
    pub(crate) client: Arc<Client>,
    /// `params`, raw; `{}` when the message has none.
    pub(crate) params: Bytes,
    /// `_meta`, raw.
    pub(crate) meta: Option<Bytes>,
    /// The progress token, raw.
    pub(crate) progress_token: Option<Bytes>,
    /// Modern: the log level of this request.
    pub(crate) log_level: Option<u8>,
    /// Over HTTP: the headers that mirror arguments.
    pub(crate) param_headers: Option<ParamHeaders>,
    pub(crate) cancel: CancellationToken,
}

impl Request {
    /// The era that the client uses.
    pub(crate) fn era(&self) -> Era {
        self.client.profile.era
    }

    /// The members of `params`.
    pub(crate) fn members(&self) -> Result<RawObject<'_>, Reply> {
        params_object(&self.params)
    }
}

/// The parts of `_meta` that are used here.
#[derive(Default)]
pub(crate) struct RequestMeta {
    pub(crate) raw: Option<Bytes>,
    pub(crate) progress_token: Option<Bytes>,
    pub(crate) log_level: Option<u8>,
    /// Modern: the client of this request.
    pub(crate) client: Option<ClientProfile>,
}

impl RequestMeta {
    /// Reads `params._meta`.
    pub(crate) fn parse(params: &Bytes) -> Result<Self, Reply> {
        let members = params_object(params)?;
        let Some(raw) = members.get("_meta") else { return Ok(Self::default()) };
        let meta = RawObject::parse(raw).ok_or_else(|| reply::invalid_params("`_meta` must be an object"))?;
        let progress_token = meta.get("progressToken").map(progress_token).transpose()?;
        let log_level = match meta.get(LOG_LEVEL_KEY) {
            None => None,
            Some(raw) => {
                let level = decode_string(raw).as_deref().and_then(logging::level);
                Some(level.ok_or_else(|| invalid_meta(LOG_LEVEL_KEY, "a log level"))?)
            }
        };
        let raw = Some(params.slice_ref(raw.as_bytes()));
        Ok(Self { raw, progress_token, log_level, client: modern_client(&meta)? })
    }
}

fn params_object(params: &Bytes) -> Result<RawObject<'_>, Reply> {
    RawObject::from_slice(params).ok_or_else(|| reply::invalid_params("`params` must be an object"))
}

/// A required string member of `params`.
pub(crate) fn required_string(members: &RawObject<'_>, name: &str) -> Result<String, Reply> {
    let text =
        members.string(name).ok_or_else(|| reply::invalid_params(format!("`params.{name}` must be a string")))?;
    Ok(text.into_owned())
}

/// The client as a modern request describes it. Returns `None` for a legacy request.
fn modern_client(meta: &RawObject<'_>) -> Result<Option<ClientProfile>, Reply> {
    let Some(version) = meta.get(PROTOCOL_VERSION_KEY) else { return Ok(None) };
    let asked = decode_string(version).ok_or_else(|| invalid_meta(PROTOCOL_VERSION_KEY, "a string"))?;
    let supported = MODERN_VERSIONS.into_iter().find(|version| **version == *asked);
    let version = supported.ok_or_else(|| unsupported_version(&asked))?;
    let is_object = |raw: &&str| raw.starts_with('{');
    let capabilities =
        meta.get(CAPABILITIES_KEY).filter(is_object).ok_or_else(|| invalid_meta(CAPABILITIES_KEY, "an object"))?;
    let info = match meta.get(INFO_KEY) {
        None => "{}",
        Some(info) if is_object(&info) => info,
        Some(_) => return Err(invalid_meta(INFO_KEY, "an object")),
    };
    let (features, name) = (features(capabilities), client_name(info));
    Ok(Some(ClientProfile { era: Era::Modern, is_shown: true, version, features, name }))
}

/// The client's name in `clientInfo`, if it is plain enough to be told to a server.
pub(crate) fn client_name(info: &str) -> Option<ClientName> {
    let members = RawObject::parse(info)?;
    ClientName::new(&members.string("name")?, &members.string("version").unwrap_or_default())
}

fn progress_token(raw: &str) -> Result<Bytes, Reply> {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if raw.len() > MAX_TOKEN || !(raw.starts_with('"') || is_integer) {
        return Err(reply::invalid_params("`progressToken` must be a string or an integer"));
    }
    Ok(Bytes::copy_from_slice(raw.as_bytes()))
}

fn invalid_meta(key: &str, expected: &str) -> Reply {
    reply::invalid_params(format!("`_meta` must have `{key}` as {expected}"))
}

/// `-32022` with the supported versions.
fn unsupported_version(requested: &str) -> Reply {
    let data = format!(r#"{{"supported":{},"requested":{}}}"#, supported_versions(), quote(requested));
    Reply::Error(RpcError {
        code: ErrorCode::UNSUPPORTED_PROTOCOL_VERSION.0,
        message: "unsupported protocol version".to_owned(),
        data: Some(data.into()),
    })
}

/// All versions, newest first, as JSON.
pub(crate) fn supported_versions() -> String {
    let newest_first = MODERN_VERSIONS.iter().rev().chain(LEGACY_VERSIONS.iter().rev());
    format!("[{}]", newest_first.map(|version| quote(version)).collect::<Vec<_>>().join(","))
}
