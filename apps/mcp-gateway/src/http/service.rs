//! Routes one request: its agent, its kind and its handler.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_mcp::{
    Envelope, EnvelopeKind, ErrorCode, LEGACY_VERSIONS, MAX_MESSAGE_BYTES, MODERN_VERSIONS, RequestParams,
    error_response, method, version_era,
};
use briefcase_types::Era;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{
    agent_connection::AgentConnection,
    agents::{AgentError, Agents},
    checked_io::SharedFraming,
    content_type,
    credential::{CredentialError, RequestCredential},
    framing::FramingError,
    legacy,
    limits::LimitPermit,
    modern,
    origin_check::{OriginCheck, RequestSource, single},
    preauth_limit::PreauthPermit,
    reply::{self, Body},
};

/// The time limit for a body to arrive completely.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for reading the rest of a rejected body, so that the client sees the response.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The state that all connections share.
pub(super) struct Service {
    pub(super) origin_check: OriginCheck,
    pub(super) agents: Agents,
}

/// One connection.
pub(super) struct HttpConnection {
    service: Arc<Service>,
    framing: SharedFraming,
    preauth: PreauthPermit,
    /// The agent whose limit counts this connection.
    agent: Mutex<Option<(Arc<AgentConnection>, LimitPermit)>>,
}

impl HttpConnection {
    pub(super) const fn new(service: Arc<Service>, framing: SharedFraming, preauth: PreauthPermit) -> Self {
        Self { service, framing, preauth, agent: Mutex::new(None) }
    }

    /// Declares the request's body length. Called right after parsing, before anything else.
    pub(super) fn begin(&self, request: &Request<Incoming>) -> Result<(), FramingError> {
        self.framing.declared(request.body().size_hint().exact().unwrap_or(0))
    }

    /// Handles a request.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        begun: Result<(), FramingError>,
    ) -> Response<Body> {
        if let Err(violation) = begun {
            return reply::and_close(problem(StatusCode::BAD_REQUEST, &violation.to_string()));
        }
        // Every body must have a length. With one way to mark its end, parsers cannot disagree.
        if request.headers().contains_key(header::TRANSFER_ENCODING) {
            let text = "Transfer-Encoding is not accepted: send Content-Length";
            return reply::and_close(problem(StatusCode::LENGTH_REQUIRED, text));
        }
        let source = match self.service.origin_check.check(request.uri(), request.headers()) {
            Ok(source) => source,
            Err(rejection) => return reply::and_close(problem(StatusCode::FORBIDDEN, &rejection.to_string())),
        };
        match source {
            RequestSource::Program => self.admitted(request).await,
            RequestSource::Page(origin) => {
                let mut response = match *request.method() {
                    Method::OPTIONS => preflight(),
                    _ => self.admitted(request).await,
                };
                legacy::add_cors_headers(&mut response, &origin);
                response
            }
        }
    }

    async fn admitted(&self, request: Request<Incoming>) -> Response<Body> {
        let credential = match RequestCredential::find(request.uri(), request.headers()) {
            Ok(credential) => credential,
            Err(error) => return no_credential(error),
        };
        let agent = match self.service.agents.find(credential).await {
            Ok(agent) => agent,
            Err(error) => return agent_refused(&error),
        };
        self.preauth.release();
        if !self.counts_for(&agent) {
            return reply::and_close(too_many());
        }
        let Some(permit) = agent.limits.request() else { return too_many() };
        match *request.method() {
            Method::POST => post(&agent, request, permit).await,
            Method::GET => get(&agent, request.headers(), permit).await,
            Method::DELETE if is_modern(request.headers()) => not_allowed(),
            Method::DELETE => legacy::end(&agent, request.headers()),
            _ => not_allowed(),
        }
    }

    /// Counts the connection for an agent. Returns `false` when the agent has too many.
    fn counts_for(&self, agent: &Arc<AgentConnection>) -> bool {
        let mut counted = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.as_ref().is_some_and(|(current, _)| Arc::ptr_eq(current, agent)) {
            return true;
        }
        let permit = agent.limits.connection();
        *counted = permit.map(|permit| (Arc::clone(agent), permit));
        counted.is_some()
    }
}

async fn post(agent: &Arc<AgentConnection>, request: Request<Incoming>, permit: LimitPermit) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(refused) = content_type::check(&head.headers) {
        return problem(refused.status(), &refused.to_string());
    }
    let raw = match read(body).await {
        Ok(raw) => raw,
        Err(refusal) => return refusal,
    };
    let message = match Envelope::parse(raw) {
        Ok(message) => message,
        Err(error) => return reply::json(StatusCode::BAD_REQUEST, error.to_response()),
    };
    let params = match RequestParams::of(&message) {
        Ok(params) => params,
        Err(error) => {
            let answer = error_response(message.id(), ErrorCode::INVALID_PARAMS, &error.to_string(), None);
            return reply::json(StatusCode::BAD_REQUEST, answer);
        }
    };
    match era(&message, &params, &head.headers) {
        Ok((Era::Modern, _)) => modern::post(agent, message, &params, &head.headers, permit).await,
        Ok((Era::Legacy, version)) => legacy::post(agent, message, version, &head.headers, permit).await,
        Err(unspoken) => unsupported_version(&message, &unspoken),
    }
}

/// The unsupported protocol version of the header; `None` when the header appears more than once.
struct UnsupportedVersion<'a>(Option<&'a str>);

/// The era of a message: modern when its body or its header says so, else legacy.
fn era<'a>(
    message: &Envelope,
    params: &RequestParams,
    headers: &'a HeaderMap,
) -> Result<(Era, Option<&'a str>), UnsupportedVersion<'a>> {
    if params.era() == Era::Modern {
        return Ok((Era::Modern, None));
    }
    let initializes = matches!(message.kind(), EnvelopeKind::Request { method, .. } if &**method == method::INITIALIZE);
    match single(headers, &legacy::VERSION) {
        Err(()) => Err(UnsupportedVersion(None)),
        Ok(None) => Ok((Era::Legacy, None)),
        Ok(Some(version)) => match version_era(version) {
            Some(era) => Ok((era, Some(version))),
            // In `initialize` the body names the client's version, and the response the common one.
            None if initializes => Ok((Era::Legacy, None)),
            None => Err(UnsupportedVersion(Some(version))),
        },
    }
}

fn unsupported_version(message: &Envelope, unspoken: &UnsupportedVersion<'_>) -> Response<Body> {
    let supported: Vec<&str> = MODERN_VERSIONS.iter().chain(LEGACY_VERSIONS.iter().rev()).copied().collect();
    let data = serde_json::json!({"supported": supported, "requested": unspoken.0}).to_string();
    let code = ErrorCode::UNSUPPORTED_PROTOCOL_VERSION;
    let answer = error_response(message.id(), code, "Unsupported protocol version", Some(data.as_bytes()));
    reply::json(StatusCode::BAD_REQUEST, answer)
}

async fn get(agent: &Arc<AgentConnection>, headers: &HeaderMap, permit: LimitPermit) -> Response<Body> {
    if is_modern(headers) {
        return not_allowed();
    }
    if !content_type::accepts(headers, "text", "event-stream") {
        return problem(StatusCode::NOT_ACCEPTABLE, "GET needs `Accept: text/event-stream`");
    }
    legacy::listen(agent, headers, permit).await
}

fn is_modern(headers: &HeaderMap) -> bool {
    single(headers, &legacy::VERSION).ok().flatten().and_then(version_era) == Some(Era::Modern)
}

/// Reads a body whose length is known and within the limit.
async fn read(body: Incoming) -> Result<Bytes, Response<Body>> {
    let length =
        body.size_hint().exact().ok_or_else(|| problem(StatusCode::LENGTH_REQUIRED, "Content-Length is missing"))?;
    if usize::try_from(length).is_ok_and(|length| length <= MAX_MESSAGE_BYTES) {
        return match tokio::time::timeout(BODY_TIMEOUT, body.collect()).await {
            Ok(Ok(whole)) => Ok(whole.to_bytes()),
            Ok(Err(_)) => Err(reply::and_close(problem(StatusCode::BAD_REQUEST, "the body is incomplete"))),
            Err(_) => Err(reply::and_close(problem(StatusCode::REQUEST_TIMEOUT, "the body took too long"))),
        };
    }
    // Read the rest first: a client whose connection is reset while sending never sees the response.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drain(body)).await;
    Err(reply::and_close(problem(StatusCode::PAYLOAD_TOO_LARGE, "the message is longer than 4 MiB")))
}

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

fn preflight() -> Response<Body> {
    let mut response = reply::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, DELETE"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name",
        ),
    );
    response
}

/// A rejection without a request: a JSON-RPC error without id, as MCP allows.
fn problem(status: StatusCode, text: &str) -> Response<Body> {
    reply::json(status, error_response(None, ErrorCode::INVALID_REQUEST, text, None))
}

fn not_allowed() -> Response<Body> {
    let mut response = problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "use POST; GET and DELETE belong to sessions of older protocol versions",
    );
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, GET, DELETE"));
    response
}

fn too_many() -> Response<Body> {
    let mut response =
        problem(StatusCode::TOO_MANY_REQUESTS, "this agent has too many requests in progress; try again shortly");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn no_credential(error: CredentialError) -> Response<Body> {
    let status = match error {
        CredentialError::NoSuchPath => StatusCode::NOT_FOUND,
        CredentialError::Ambiguous => StatusCode::BAD_REQUEST,
        CredentialError::Missing | CredentialError::Form => {
            return unauthorized(problem(StatusCode::UNAUTHORIZED, &error.to_string()));
        }
    };
    problem(status, &error.to_string())
}

fn agent_refused(error: &AgentError) -> Response<Body> {
    match error {
        AgentError::Refused(why) => unauthorized(reply::json(StatusCode::UNAUTHORIZED, why.answer(None))),
        AgentError::Unavailable(why) => reply::json(StatusCode::SERVICE_UNAVAILABLE, why.answer(None)),
        AgentError::TooMany => too_many(),
    }
}

fn unauthorized(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"briefcase\""));
    response
}
