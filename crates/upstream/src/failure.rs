//! Why a transport has no reply.

use briefcase_ports::{HttpRefusal, HttpRefusalKind, SendGate, UpstreamFailure};
use briefcase_types::text::printable;
use http::{HeaderMap, StatusCode, header};

/// Why a transport has no reply. Richer than [`UpstreamFailure`]: two of the cases decide whether a request is repeated,
/// or the other era is tried.
#[derive(Clone, Debug)]
pub(crate) enum TransportFailure {
    /// A failure for the caller as it is.
    Upstream(UpstreamFailure),
    /// The server no longer knows the session and did not take the request. Contains the failure to report when a new
    /// session does not help.
    SessionEnded(Box<TransportFailure>),
    /// An HTTP status that is no success, without a JSON-RPC body.
    Status(HttpRefusal),
}

/// The longest part of a refusing response that is read.
pub(crate) const MAX_REFUSAL_BYTES: u64 = 64 * 1024;
/// The longest `Location` that is shown.
const MAX_LOCATION_LEN: usize = 2048;

impl From<UpstreamFailure> for TransportFailure {
    fn from(failure: UpstreamFailure) -> Self {
        Self::Upstream(failure)
    }
}

impl From<TransportFailure> for UpstreamFailure {
    fn from(failure: TransportFailure) -> Self {
        match failure {
            TransportFailure::Upstream(failure) => failure,
            TransportFailure::SessionEnded(cause) => match *cause {
                TransportFailure::Upstream(Self::Unauthorized) => Self::Unauthorized,
                _ => Self::SessionEnded,
            },
            TransportFailure::Status(refusal) => Self::Http(Box::new(refusal)),
        }
    }
}

/// A failure that says: the server broke the protocol, or a limit, in the way that `word` names.
pub(crate) const fn protocol(word: &'static str) -> TransportFailure {
    TransportFailure::Upstream(UpstreamFailure::Protocol(word))
}

/// Rejects what must not be sent, because the record cannot be written.
pub(crate) fn check_record(gate: &SendGate) -> Result<(), TransportFailure> {
    gate.check().map_err(|error| UpstreamFailure::Unrecorded(error).into())
}

/// The failure that a status means. `body` is the start of the response's body.
pub(crate) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> TransportFailure {
    match status {
        StatusCode::UNAUTHORIZED => UpstreamFailure::Unauthorized.into(),
        StatusCode::FORBIDDEN if is_about_token(headers) => UpstreamFailure::Unauthorized.into(),
        StatusCode::PAYMENT_REQUIRED => UpstreamFailure::PaymentRequired(None).into(),
        status => TransportFailure::Status(HttpRefusal {
            status: status.as_u16(),
            kind: HttpRefusalKind::of(status.as_u16(), names_host(body)),
            retry_after: retry_after(headers),
            location: None,
        }),
    }
}

/// The failure that a redirect means.
pub(crate) fn redirected(status: u16, location: Option<&str>) -> TransportFailure {
    TransportFailure::Status(HttpRefusal {
        status,
        kind: HttpRefusalKind::Redirect,
        retry_after: None,
        location: location.map(whole_location),
    })
}

/// The target of a redirect, whole or not at all: a part of a secret in it would not be found.
fn whole_location(text: &str) -> String {
    if text.len() > MAX_LOCATION_LEN { format!("(an address of {} bytes)", text.len()) } else { printable(text) }
}

/// Whether the server says that the token lacks a scope or is invalid (RFC 6750).
fn is_about_token(headers: &HeaderMap) -> bool {
    let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    challenges.into_iter().any(|text| text.contains("insufficient_scope") || text.contains("invalid_token"))
}

/// `Retry-After` in seconds. A date is not read: its meaning depends on two clocks.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Whether a refusal is about the host name of the request, as servers with a protection against DNS rebinding say it.
fn names_host(body: &[u8]) -> bool {
    const ABOUT: [&str; 8] =
        ["invalid", "allowed", "blocked", "rebinding", "mismatch", "unknown", "disallowed", "untrusted"];
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains("host") && ABOUT.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, headers: &[(&'static str, &str)], body: &str) -> UpstreamFailure {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        refused(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes()).into()
    }

    #[test]
    fn each_status_has_a_reason_of_its_own() {
        for (status, headers, body, reason) in [
            (401, vec![], "", "unauthorized"),
            (402, vec![], "", "payment_required"),
            (403, vec![], "no", "forbidden"),
            (403, vec![("www-authenticate", "Bearer error=\"insufficient_scope\"")], "", "unauthorized"),
            (403, vec![("www-authenticate", "Bearer error=\"invalid_token\"")], "", "unauthorized"),
            (
                403,
                vec![],
                r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Invalid Host: 127.0.0.1"},"id":null}"#,
                "wrong_host",
            ),
            (403, vec![], "Blocked request. This host (\"a\") is not allowed.", "wrong_host"),
            (400, vec![], "Invalid HTTP_HOST header: 'x'.", "wrong_host"),
            (421, vec![], "", "wrong_host"),
            (404, vec![], "<h1>Not found</h1>", "not_found"),
            (410, vec![], "", "not_found"),
            (405, vec![], "", "method_not_allowed"),
            (406, vec![], "", "not_acceptable"),
            (415, vec![], "", "not_acceptable"),
            (429, vec![], "", "rate_limited"),
            (500, vec![], "", "server_error"),
            (503, vec![], "unknown host", "server_error"),
            (418, vec![], "", "http_status"),
        ] {
            assert_eq!(refusal(status, &headers, body).reason(), reason, "{status} {body}");
        }
    }

    #[test]
    fn the_time_to_wait_is_said_and_nothing_of_the_body() {
        let text = refusal(429, &[("retry-after", " 17 ")], "canary").to_string();
        assert!(text.contains("429") && text.contains("17 seconds") && !text.contains("canary"), "{text}");
        let text = refusal(429, &[("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT")], "").to_string();
        assert!(text.contains("429") && !text.contains("2099"), "{text}");
    }

    #[test]
    fn a_redirect_names_its_target_to_a_person_only() {
        let failure: UpstreamFailure = redirected(307, Some("https://b.example/mcp\u{202e}")).into();
        assert!(!failure.to_string().contains("b.example"), "{failure}");
        let details = failure.details().unwrap();
        assert!(details.contains("https://b.example/mcp\\u{202e}"), "{details}");
        assert!(failure.next_step("x").contains("briefcase server add x --url"));
    }
}
