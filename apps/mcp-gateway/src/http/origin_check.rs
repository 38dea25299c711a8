//! Protection against DNS rebinding and cross-site requests: rules on headers, before the credential is read.
//!
//! Agents are programs, not browsers. A web page can reach a loopback port directly or by DNS rebinding. Its requests
//! then carry a foreign Host, an Origin, a Referer, cookies or fetch metadata, and each of these causes a rejection.
//! Headers never grant anything here.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, Uri, header};

/// The names of this listener, and the origins that a person allowed.
#[derive(Clone, Debug)]
pub(super) struct OriginCheck {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// A request was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OriginRejection {
    #[error("the Host header does not name this server")]
    Host,
    #[error("requests from web pages are not accepted (Origin)")]
    Origin,
    #[error("requests from web pages are not accepted ({0})")]
    Browser(&'static str),
    #[error("requests through a proxy are not accepted ({0})")]
    Proxy(&'static str),
    #[error("the request target must be a path")]
    Target,
}

/// The source of an accepted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestSource {
    /// A program.
    Program,
    /// A page of an allowed origin.
    Page(String),
}

/// Headers that only a browser sends, with the name used in the refusal.
const BROWSER_ONLY: [(&str, &str); 8] = [
    ("cookie", "Cookie"),
    ("sec-fetch-site", "Sec-Fetch-Site"),
    ("sec-fetch-dest", "Sec-Fetch-Dest"),
    ("sec-fetch-user", "Sec-Fetch-User"),
    ("sec-fetch-storage-access", "Sec-Fetch-Storage-Access"),
    ("sec-websocket-key", "Sec-WebSocket-Key"),
    ("access-control-request-method", "Access-Control-Request-Method"),
    ("access-control-request-private-network", "Access-Control-Request-Private-Network"),
];

/// Headers of proxies. Requests on behalf of others are not accepted.
const PROXY_ONLY: [(&str, &str); 4] = [
    ("forwarded", "Forwarded"),
    ("x-forwarded-host", "X-Forwarded-Host"),
    ("x-forwarded-for", "X-Forwarded-For"),
    ("x-forwarded-proto", "X-Forwarded-Proto"),
];

impl OriginCheck {
    pub(super) fn new(bound: SocketAddr, origins: Vec<String>) -> Self {
        let port = bound.port();
        let names = ["127.0.0.1", "[::1]", "localhost"];
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            hosts.extend(names.map(str::to_owned));
        }
        Self { hosts, origins }
    }

    /// Checks target and headers.
    pub(super) fn check(&self, target: &Uri, headers: &HeaderMap) -> Result<RequestSource, OriginRejection> {
        if target.authority().is_some() || target.scheme().is_some() {
            return Err(OriginRejection::Target);
        }
        let host = single(headers, &header::HOST).ok().flatten().ok_or(OriginRejection::Host)?;
        if !self.hosts.iter().any(|known| known == host) {
            return Err(OriginRejection::Host);
        }
        if let Some((_, name)) = PROXY_ONLY.iter().find(|(name, _)| headers.contains_key(*name)) {
            return Err(OriginRejection::Proxy(name));
        }
        match single(headers, &header::ORIGIN).map_err(|()| OriginRejection::Origin)? {
            Some(origin) if self.origins.iter().any(|known| known == origin) => Self::page(origin, headers),
            // This port serves no pages, so no page in a browser can have it as its origin.
            Some(origin) if origin.strip_prefix("http://") == Some(host) => Self::program(headers),
            Some(_) => Err(OriginRejection::Origin),
            None => Self::program(headers),
        }
    }

    /// Accepts a page of an allowed origin, which may read responses.
    fn page(origin: &str, headers: &HeaderMap) -> Result<RequestSource, OriginRejection> {
        if headers.contains_key(header::COOKIE) {
            return Err(OriginRejection::Browser("Cookie"));
        }
        if headers.contains_key("sec-websocket-key") {
            return Err(OriginRejection::Browser("Sec-WebSocket-Key"));
        }
        Ok(RequestSource::Page(origin.to_owned()))
    }

    fn program(headers: &HeaderMap) -> Result<RequestSource, OriginRejection> {
        if let Some((_, name)) = BROWSER_ONLY.iter().find(|(name, _)| headers.contains_key(*name)) {
            return Err(OriginRejection::Browser(name));
        }
        if headers.contains_key(header::REFERER) {
            return Err(OriginRejection::Browser("Referer"));
        }
        // Node's fetch, which is not a browser, always sends this header with this value.
        match single(headers, &HeaderName::from_static("sec-fetch-mode")) {
            Ok(None | Some("cors")) => Ok(RequestSource::Program),
            _ => Err(OriginRejection::Browser("Sec-Fetch-Mode")),
        }
    }
}

/// The value of a header that may appear at most once.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests;
