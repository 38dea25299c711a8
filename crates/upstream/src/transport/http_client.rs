//! The HTTP client of one connection: every request is authorized, and authorized again after a challenge.

use std::{sync::Arc, time::Duration};

use briefcase_egress::{EgressError, EgressRequest, EgressResponse, OriginClient, PathAndQuery};
use briefcase_ports::{AfterChallenge, Challenge, RequestAuthorizer, RequestToAuthorize, UpstreamFailure};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::failure::TransportFailure;

/// A client for one origin with the credential of one server.
#[derive(Clone)]
pub(crate) struct HttpClient {
    pub(crate) origin: OriginClient,
    pub(crate) authorizer: Arc<dyn RequestAuthorizer>,
}

/// A request without its headers.
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    /// The path; the server's own when absent.
    pub(crate) path: Option<PathAndQuery>,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    /// The longest body of the response.
    pub(crate) limit: u64,
}

impl HttpClient {
    /// Sends a request. A server that rejects the authorization did not take the request, so sending it once more is safe.
    pub(crate) async fn send(
        &self,
        request: &HttpRequest,
        add_headers: impl Fn(&mut HeaderMap),
    ) -> Result<EgressResponse, TransportFailure> {
        let response = self.attempt(request, &add_headers).await?;
        let (status, headers) = (response.status, &response.headers);
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            || self.authorizer.on_challenge(Challenge { status, headers }).await == AfterChallenge::Fail
        {
            return Ok(response);
        }
        drop(response);
        self.attempt(request, &add_headers).await
    }

    async fn attempt(
        &self,
        request: &HttpRequest,
        add_headers: &impl Fn(&mut HeaderMap),
    ) -> Result<EgressResponse, TransportFailure> {
        let mut headers = HeaderMap::with_capacity(12);
        let HttpRequest { method, path, body, timeout, limit } = request;
        let url = self.origin.target().as_str();
        let unauthorized = RequestToAuthorize { method, url, headers: &mut headers };
        self.authorizer.authorize(unauthorized).await.map_err(UpstreamFailure::from)?;
        add_headers(&mut headers);
        let request = EgressRequest {
            method: method.clone(),
            path: path.clone(),
            headers,
            body: body.clone(),
            timeout: *timeout,
            limit: *limit,
        };
        self.origin.send(request).await.map_err(|error| egress_failure(&error))
    }
}

/// The failure of a call that a failure of the client means.
pub(crate) fn egress_failure(error: &EgressError) -> TransportFailure {
    TransportFailure::Upstream(match error {
        EgressError::TimedOut(_) => UpstreamFailure::TimedOut,
        EgressError::TooLarge(_) => UpstreamFailure::Protocol("too_large"),
        EgressError::Encoded => UpstreamFailure::Protocol("encoded"),
        EgressError::Redirected { .. } => UpstreamFailure::Protocol("redirect"),
        EgressError::Forbidden(_) => UpstreamFailure::Protocol("forbidden_address"),
        other => UpstreamFailure::Unreachable(other.to_string()),
    })
}
