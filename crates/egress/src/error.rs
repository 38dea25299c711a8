//! Reasons that a request was not sent, or that its response was rejected.

use std::net::IpAddr;

/// A text is not an allowed target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The text is not a URL, or other parsers would read it differently.
    #[error("this is not a plain absolute URL")]
    NotAUrl,
    /// The scheme is neither `https` nor, for a server on this machine, `http`.
    #[error("the URL must start with https:// (http:// only for a server registered as running on this machine)")]
    Scheme,
    /// The URL contains credentials.
    #[error("the URL must not contain a user name or password; put the credential in the vault")]
    Userinfo,
    /// The address, or the name's address, is outside the server's address policy.
    #[error("the URL's address is not allowed for this server ({0})")]
    OutOfReach(&'static str),
    /// A reference points to another scheme, host or port.
    #[error("the URL points to another origin")]
    OtherOrigin,
}

/// A request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The name has no address.
    #[error("the name could not be resolved: {0}")]
    Unresolved(String),
    /// The name resolved to an address outside the server's address policy.
    #[error("the name resolves to {0}, which is not allowed for this server")]
    Forbidden(IpAddr),
    /// The connection failed, or broke before the response was complete.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The check of the other end failed. Nothing was sent.
    #[error("the other end was rejected: {0}")]
    PeerRejected(String),
    /// The server showed no trusted certificate for this name.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server was too slow.
    #[error("timed out waiting for the {0}")]
    TimedOut(&'static str),
    /// The body is longer than allowed.
    #[error("the response is longer than {0} bytes")]
    TooLarge(u64),
    /// The body is encoded, although the request accepted no encoding.
    #[error("the response is compressed, which the request did not allow")]
    Encoded,
    /// The server redirects the request. Redirects are never followed.
    #[error("the server redirects (status {status}); redirects are not followed")]
    Redirected {
        /// The response's status.
        status: u16,
        /// The redirect's destination, if readable.
        location: Option<String>,
    },
}
