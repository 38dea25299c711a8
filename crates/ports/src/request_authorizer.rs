//! The port that authorizes HTTP requests to an upstream server.

use http::{HeaderMap, Method, StatusCode};

use crate::{BoxFuture, NotReady};

/// An HTTP request that is about to be sent.
#[derive(Debug)]
pub struct RequestToAuthorize<'a> {
    /// The method.
    pub method: &'a Method,
    /// The URL.
    pub url: &'a str,
    /// The headers so far. A header that carries a secret must be marked sensitive.
    pub headers: &'a mut HeaderMap,
}

/// A response that rejects the authorization: HTTP 401 or 403.
#[derive(Debug)]
pub struct Challenge<'a> {
    /// The status.
    pub status: StatusCode,
    /// The response's headers, untrusted: `WWW-Authenticate`, `DPoP-Nonce` and the like.
    pub headers: &'a HeaderMap,
}

/// What to do after a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterChallenge {
    /// Authorize the request again and send it once more.
    Retry,
    /// Fail the request.
    Fail,
}

/// Authorizes the requests to one server.
pub trait RequestAuthorizer: Send + Sync {
    /// Adds the credential. Called for each request, so that a rotated secret takes effect at once.
    fn authorize<'a>(&'a self, request: RequestToAuthorize<'a>) -> BoxFuture<'a, Result<(), NotReady>>;

    /// Reads a challenge, and decides whether the request is sent once more. Called at most once per request.
    fn on_challenge<'a>(&'a self, challenge: Challenge<'a>) -> BoxFuture<'a, AfterChallenge>;
}
