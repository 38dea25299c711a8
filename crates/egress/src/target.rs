//! A client's destination: a URL read once, by one parser.

use std::net::IpAddr;

use http::Uri;
use url::{Host, Url};

use crate::{AddressPolicy, TargetError};

const LONGEST_URL: usize = 4096;

/// A server's URL with its address policy. Holds only allowed URLs.
#[derive(Clone, Debug)]
pub struct EgressTarget {
    url: Url,
    uri: Uri,
    policy: AddressPolicy,
}

/// The path and query of a URL on the client's origin.
#[derive(Clone, Debug)]
pub struct PathAndQuery(pub(crate) Uri);

impl EgressTarget {
    /// Reads a URL. Plain `http` needs [`AddressPolicy::Loopback`], whose host must be `localhost` or an address of
    /// this machine.
    pub fn parse(text: &str, policy: AddressPolicy) -> Result<Self, TargetError> {
        let url = plain_url(text)?;
        match (url.scheme(), policy) {
            ("https", _) | ("http", AddressPolicy::Loopback) => {}
            _ => return Err(TargetError::Scheme),
        }
        check_host(&url, policy)?;
        let uri = uri(&url)?;
        Ok(Self { url, uri, policy })
    }

    /// The parsed, normalised URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The origin (`scheme://host[:port]`, without the default port), as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The address policy.
    #[must_use]
    pub const fn address_policy(&self) -> AddressPolicy {
        self.policy
    }

    /// The path and query of the target itself.
    #[must_use]
    pub fn path_and_query(&self) -> PathAndQuery {
        PathAndQuery(self.uri.clone())
    }

    /// Resolves a server's absolute or relative reference, if it stays on this origin.
    pub fn join(&self, reference: &str) -> Result<PathAndQuery, TargetError> {
        if has_odd_characters(reference) || reference.len() > LONGEST_URL {
            return Err(TargetError::NotAUrl);
        }
        let joined = self.url.join(reference).map_err(|_| TargetError::NotAUrl)?;
        if joined.origin() != self.url.origin() {
            return Err(TargetError::OtherOrigin);
        }
        if !joined.username().is_empty() || joined.password().is_some() {
            return Err(TargetError::Userinfo);
        }
        uri(&joined).map(PathAndQuery)
    }

    /// A server's reference as an absolute URL, for an error message; the text itself when it is invalid.
    pub(crate) fn resolved(&self, reference: &str) -> String {
        self.url.join(reference).map_or_else(|_| reference.to_owned(), String::from)
    }

    pub(crate) fn host(&self) -> Option<Host<&str>> {
        self.url.host()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }
}

/// Parsers drop tabs and newlines and turn backslashes into slashes, each in its own way. Such text is rejected.
fn has_odd_characters(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\' || briefcase_types::text::is_deceptive(c))
}

/// Parsers disagree about `https:/host` and `https:///host`.
fn has_two_slashes(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| !scheme.contains(['/', ':']) && !rest.starts_with('/'))
}

fn plain_url(text: &str) -> Result<Url, TargetError> {
    if text.len() > LONGEST_URL || has_odd_characters(text) || !has_two_slashes(text) {
        return Err(TargetError::NotAUrl);
    }
    let url = Url::parse(text).map_err(|_| TargetError::NotAUrl)?;
    if url.cannot_be_a_base() || !url.has_host() || url.fragment().is_some() {
        return Err(TargetError::NotAUrl);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Userinfo);
    }
    Ok(url)
}

fn check_host(url: &Url, policy: AddressPolicy) -> Result<(), TargetError> {
    let address = match url.host().ok_or(TargetError::NotAUrl)? {
        Host::Ipv4(four) => IpAddr::V4(four),
        Host::Ipv6(six) => IpAddr::V6(six),
        Host::Domain(name) if is_localhost(name) == (policy == AddressPolicy::Loopback) => return Ok(()),
        Host::Domain(_) => return Err(TargetError::OutOfReach(kind(policy))),
    };
    if policy.admits(address) { Ok(()) } else { Err(TargetError::OutOfReach(kind(policy))) }
}

/// Whether a name is `localhost` or below it. Such names mean this machine (RFC 6761) and are never sent to a resolver.
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

const fn kind(policy: AddressPolicy) -> &'static str {
    match policy {
        AddressPolicy::Public => "public addresses only",
        AddressPolicy::Loopback => "this machine only",
        AddressPolicy::Private => "public addresses and private networks",
    }
}

fn uri(url: &Url) -> Result<Uri, TargetError> {
    url.as_str().parse().map_err(|_| TargetError::NotAUrl)
}

#[cfg(test)]
mod tests;
