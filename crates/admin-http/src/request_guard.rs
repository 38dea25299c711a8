//! The checks that every admin request passes before any other code reads it.
//!
//! `admin.sock` serves programs of the same user. A request there with a browser's headers comes from a page that misuses a
//! local program, and is rejected. The loopback port serves the console's page: `Host` must be exactly the console's authority
//! (DNS rebinding), and the request must come from the console's origin (CSRF). Every API route at the port also needs the
//! session token, which is no cookie, so other pages cannot send it.

use axum::http::{HeaderMap, Method, header};

/// Why a request was rejected. The status is always 403, and the response says nothing about the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardRejection {
    /// `Host` is not exactly the console's authority.
    Host,
    /// The request has a foreign origin, is a navigation from another site, or is a browser's request to the admin socket.
    Origin,
    /// The body is not `application/json`.
    ContentType,
}

impl GuardRejection {
    /// The stable word in the response.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Origin => "origin",
            Self::ContentType => "content_type",
        }
    }
}

const BROWSER_HEADERS: [&str; 6] =
    ["origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"];

/// Checks a request at `admin.sock`.
///
/// # Errors
/// It has a header that only browsers send, or another content type.
pub fn check_socket(method: &Method, headers: &HeaderMap) -> Result<(), GuardRejection> {
    if BROWSER_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return Err(GuardRejection::Origin);
    }
    check_content_type(method, headers)
}

/// Checks a request at the console's port. `authority` is `localhost:PORT`.
///
/// # Errors
/// It comes from anywhere but the console's page.
pub fn check_console(method: &Method, headers: &HeaderMap, authority: &str) -> Result<(), GuardRejection> {
    if single(headers, "host") != Some(authority) || forwarded(headers) {
        return Err(GuardRejection::Host);
    }
    let reading = matches!(*method, Method::GET | Method::HEAD);
    match single(headers, "sec-fetch-site") {
        Some("same-origin") => {}
        // A person typed the address, or the CLI opened it.
        Some("none") if reading => {}
        Some(_) => return Err(GuardRejection::Origin),
        // Without fetch metadata, `Origin` alone has to prove where the request comes from.
        None if headers.contains_key("sec-fetch-site") => return Err(GuardRejection::Origin),
        None => {}
    }
    match single(headers, "origin") {
        Some(origin) if origin.strip_prefix("http://") == Some(authority) => {}
        Some(_) => return Err(GuardRejection::Origin),
        None if headers.contains_key("origin") => return Err(GuardRejection::Origin),
        None if reading || headers.contains_key("sec-fetch-site") => {}
        None => return Err(GuardRejection::Origin),
    }
    if let Some(referer) = single(headers, "referer") {
        let ours = referer.strip_prefix("http://").and_then(|rest| rest.strip_prefix(authority));
        if !ours.is_some_and(|path| path.is_empty() || path.starts_with('/')) {
            return Err(GuardRejection::Origin);
        }
    }
    check_content_type(method, headers)
}

fn check_content_type(method: &Method, headers: &HeaderMap) -> Result<(), GuardRejection> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let value = single(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(GuardRejection::ContentType) }
}

/// The header's value if it is present exactly once and visible ASCII.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-host", "x-forwarded-for", "x-original-host"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const OURS: &str = "localhost:4321";

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn a_foreign_host_is_refused_in_every_spelling() {
        for host in [
            "localhost.evil:4321",
            "127.0.0.1.nip.io:4321",
            "localhost.:4321",
            "LOCALHOST:4321",
            "localhost:4322",
            "localhost",
            "[::ffff:127.0.0.1]:4321",
            "127.0.0.1:4321",
            "[::1]:4321",
            "localhost:4321@evil",
            "evil@localhost:4321",
            "null",
            "",
            "localhost:4321, evil",
            "localhost:04321",
            "0.0.0.0:4321",
            "localhost%00:4321",
        ] {
            assert_eq!(
                check_console(&Method::GET, &headers(&[("host", host)]), OURS),
                Err(GuardRejection::Host),
                "{host}"
            );
        }
        assert_eq!(check_console(&Method::GET, &headers(&[]), OURS), Err(GuardRejection::Host));
        let twice = headers(&[("host", OURS), ("host", "evil")]);
        assert_eq!(check_console(&Method::GET, &twice, OURS), Err(GuardRejection::Host));
        let forwarded = headers(&[("host", OURS), ("x-forwarded-host", "evil")]);
        assert_eq!(check_console(&Method::GET, &forwarded, OURS), Err(GuardRejection::Host));
    }

    #[test]
    fn another_origin_is_refused_whatever_it_sends() {
        let json = ("content-type", "application/json");
        for extra in [
            &[("origin", "http://evil"), json][..],
            &[("origin", "null"), json],
            &[("origin", "http://localhost:4322"), json],
            &[("origin", "https://localhost:4321"), json],
            &[("origin", "http://localhost:4321.evil"), json],
            &[("origin", "http://LOCALHOST:4321"), json],
            &[("sec-fetch-site", "cross-site"), json],
            &[("sec-fetch-site", "same-site"), json],
            &[("sec-fetch-site", "none"), json],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://evil"), json],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site"), json],
            &[("origin", "http://localhost:4321"), ("referer", "http://evil/"), json],
            &[("origin", "http://localhost:4321"), ("referer", "http://localhost:4321.evil/"), json],
            &[json],
        ] {
            let all: Vec<_> = [("host", OURS)].into_iter().chain(extra.iter().copied()).collect();
            assert_eq!(check_console(&Method::POST, &headers(&all), OURS), Err(GuardRejection::Origin), "{extra:?}");
        }
    }

    #[test]
    fn simple_request_bodies_are_refused() {
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/json"]
        {
            let all = headers(&[("host", OURS), ("origin", "http://localhost:4321"), ("content-type", content_type)]);
            assert_eq!(check_console(&Method::POST, &all, OURS), Err(GuardRejection::ContentType), "{content_type}");
        }
    }

    #[test]
    fn our_own_page_is_served() {
        let page = headers(&[("host", OURS), ("sec-fetch-site", "none")]);
        assert_eq!(check_console(&Method::GET, &page, OURS), Ok(()));
        let call = headers(&[
            ("host", OURS),
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://localhost:4321"),
            ("referer", "http://localhost:4321/approvals"),
            ("content-type", "application/json; charset=utf-8"),
        ]);
        assert_eq!(check_console(&Method::POST, &call, OURS), Ok(()));
    }

    #[test]
    fn a_browser_at_the_socket_is_refused() {
        for header in BROWSER_HEADERS {
            assert_eq!(check_socket(&Method::GET, &headers(&[(header, "x")])), Err(GuardRejection::Origin), "{header}");
        }
        assert_eq!(check_socket(&Method::GET, &headers(&[("host", "admin")])), Ok(()));
        assert_eq!(
            check_socket(&Method::POST, &headers(&[("content-type", "text/plain")])),
            Err(GuardRejection::ContentType)
        );
    }
}
