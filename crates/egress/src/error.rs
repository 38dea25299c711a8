//! Why a request did not go out, or why its answer is not handed on.

use std::net::IpAddr;

/// Why a text is not a place that may be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Not a URL, or one that other parsers would read differently.
    #[error("this is not a plain absolute URL")]
    NotAUrl,
    /// Neither `https` nor, for a server on this machine, `http`.
    #[error("the URL must start with https:// (http:// only for a server registered as running on this machine)")]
    Scheme,
    /// Credentials in the URL.
    #[error("the URL must not hold a user name or password; put the credential in the vault")]
    Userinfo,
    /// The address, or what the name stands for, is outside the reach the person chose.
    #[error("the URL names an address outside the reach it was registered with ({0})")]
    OutOfReach(&'static str),
    /// A reference leads to another scheme, host or port.
    #[error("the address leads to another origin")]
    OtherOrigin,
}

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The name has no address.
    #[error("the name could not be resolved: {0}")]
    Unresolved(String),
    /// A name resolved to an address outside the target's reach.
    #[error("the name points to {0}, which is outside the reach the server was registered with")]
    Forbidden(IpAddr),
    /// No connection, or it broke before the answer was complete.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// No certificate that can be trusted for this name.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// Too slow.
    #[error("no {0} in time")]
    TimedOut(&'static str),
    /// The body is longer than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(u64),
    /// The body is encoded although no encoding was offered.
    #[error("the answer is compressed although that was not offered")]
    Encoded,
    /// The server sends the request elsewhere. Never followed.
    #[error("the server redirects (status {status}); redirects are not followed")]
    Redirected {
        /// The status.
        status: u16,
        /// Where to, as far as it is readable.
        location: Option<String>,
    },
}
