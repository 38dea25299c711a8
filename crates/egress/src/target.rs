//! Where a client leads: a URL read once, by one parser.

use std::net::IpAddr;

use http::Uri;
use url::{Host, Url};

use crate::{AddressPolicy, TargetError};

const LONGEST_URL: usize = 4096;

/// A server's address together with the reach a person gave it. Holds only what may be dialled.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    uri: Uri,
    policy: AddressPolicy,
}

/// A URL on the same origin as the client it was made for.
#[derive(Clone, Debug)]
pub struct PathAndQuery(pub(crate) Uri);

impl Target {
    /// Reads a URL. `http` is accepted only with [`AddressPolicy::Loopback`], whose host must be `localhost` or an address of this machine.
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

    /// The URL as it was read (normalised).
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Its origin (`scheme://host[:port]`, no default port), as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The reach.
    #[must_use]
    pub const fn address_policy(&self) -> AddressPolicy {
        self.policy
    }

    /// The target itself as a place.
    #[must_use]
    pub fn path_and_query(&self) -> PathAndQuery {
        PathAndQuery(self.uri.clone())
    }

    /// A reference that the server gave (absolute or relative), if it stays on this origin.
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

/// Parsers drop tabs and newlines and turn backslashes round, each in its own way: such text is not a URL here.
fn has_odd_characters(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\' || briefcase_types::text::is_deceptive(c))
}

/// Parsers also disagree about `https:/host` and `https:///host`.
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

/// `localhost` and names below it: they are this machine by definition (RFC 6761) and never asked of a resolver.
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
