//! The HTTP client of one connection: every request is authorized, and authorized again after a challenge.

use std::{sync::Arc, time::Duration};

use briefcase_egress::{EgressError, EgressRequest, EgressResponse, OriginClient, PathAndQuery};
use briefcase_output_filter::Redactor;
use briefcase_ports::{AfterChallenge, Challenge, RequestAuthorizer, RequestToAuthorize, UpstreamFailure};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::{
    failure::{self, TransportFailure},
    loopback_guard::LoopbackGuard,
};

/// A client for one origin with the credential of one server.
#[derive(Clone)]
pub(crate) struct HttpClient {
    pub(crate) origin: OriginClient,
    pub(crate) authorizer: Arc<dyn RequestAuthorizer>,
    /// Knows the server's secrets, to remove them from what the server says about a failure.
    pub(crate) redactor: Arc<Redactor>,
    /// Present for a server on this machine that gets a secret.
    pub(crate) guard: Option<Arc<LoopbackGuard>>,
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
        self.origin.send(request).await.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &EgressError) -> TransportFailure {
        match error {
            EgressError::Redirected { status, location } => {
                let location = location.as_deref().map(|text| match self.redactor.redact(text) {
                    Some((redacted, _)) => redacted,
                    None => text.to_owned(),
                });
                failure::redirected(*status, location.as_deref())
            }
            EgressError::PeerRejected(_) => match &self.guard {
                Some(guard) => UpstreamFailure::OtherListener(Box::new(guard.rejection())).into(),
                None => egress_failure(error),
            },
            error => egress_failure(error),
        }
    }
}

/// The failure of a call that a failure of the client means.
pub(crate) fn egress_failure(error: &EgressError) -> TransportFailure {
    TransportFailure::Upstream(match error {
        EgressError::TimedOut(_) => UpstreamFailure::TimedOut,
        EgressError::TooLarge(limit) => UpstreamFailure::TooLarge { bytes: None, limit: *limit },
        EgressError::Encoded => UpstreamFailure::Protocol("encoded"),
        EgressError::Redirected { status, .. } => return failure::redirected(*status, None),
        EgressError::Forbidden(_) => UpstreamFailure::Protocol("forbidden_address"),
        other => UpstreamFailure::Unreachable(other.to_string()),
    })
}
