//! The path of a request, and its token.

use briefcase_ipc::AgentToken;
use briefcase_types::{Digest, SecretString};
use http::{HeaderMap, Uri, header};

use super::origin_check::single;

/// A digest that identifies a token without revealing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Digest);

/// A request's token.
pub(super) struct RequestCredential {
    pub(super) token: AgentToken,
    pub(super) fingerprint: Fingerprint,
}

/// A request has no usable credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CredentialError {
    #[error("not found; the MCP endpoint is /mcp")]
    NoSuchPath,
    #[error("an agent token is missing: send `Authorization: Bearer <agent token>`")]
    Missing,
    #[error("the agent token is malformed; make one with `briefcase agent add NAME`")]
    Form,
    #[error("the request has more than one credential")]
    Ambiguous,
}

impl Fingerprint {
    fn of(token: &str) -> Self {
        Self(Digest::labelled("briefcase/gateway-token/1", &[token.as_bytes()]))
    }

    /// The key for look-ups. It is a hash of the token, so the timing of a look-up reveals nothing useful about other
    /// tokens.
    pub(super) const fn key(&self) -> [u8; 32] {
        *self.0.as_bytes()
    }
}

impl RequestCredential {
    /// Finds the token: in `Authorization` for `/mcp`, in the path for `/<token>/mcp`.
    pub(super) fn find(target: &Uri, headers: &HeaderMap) -> Result<Self, CredentialError> {
        let in_path = token_in_path(target.path())?;
        let in_header = single(headers, &header::AUTHORIZATION).map_err(|()| CredentialError::Ambiguous)?;
        let text = match (in_path, in_header) {
            (Some(_), Some(_)) => return Err(CredentialError::Ambiguous),
            (None, None) => return Err(CredentialError::Missing),
            (Some(token), None) => token,
            (None, Some(value)) => bearer(value).ok_or(CredentialError::Form)?,
        };
        let fingerprint = Fingerprint::of(text);
        let token = AgentToken::new(SecretString::new(text.to_owned())).map_err(|_| CredentialError::Form)?;
        Ok(Self { token, fingerprint })
    }
}

fn token_in_path(path: &str) -> Result<Option<&str>, CredentialError> {
    if path == "/mcp" {
        return Ok(None);
    }
    let token = path.strip_prefix('/').and_then(|rest| rest.strip_suffix("/mcp"));
    token.filter(|token| AgentToken::is_well_formed(token)).map(Some).ok_or(CredentialError::NoSuchPath)
}

/// The token of a `Bearer` value. The scheme is case-insensitive (RFC 9110).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "bca_0123456789abcdefghij";

    fn find(path: &str, authorization: &[&str]) -> Result<String, CredentialError> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        RequestCredential::find(&path.parse().unwrap(), &headers).map(|found| found.token.expose(str::to_owned))
    }

    #[test]
    fn a_token_is_in_the_header_or_in_the_path() {
        assert_eq!(find("/mcp", &[&format!("Bearer {TOKEN}")]).unwrap(), TOKEN);
        assert_eq!(find("/mcp", &[&format!("bearer  {TOKEN}")]).unwrap(), TOKEN);
        assert_eq!(find(&format!("/{TOKEN}/mcp"), &[]).unwrap(), TOKEN);
    }

    #[test]
    fn everything_else_is_rejected() {
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(find("/mcp", &[]), Err(CredentialError::Missing));
        assert_eq!(find("/mcp", &[TOKEN]), Err(CredentialError::Form));
        assert_eq!(find("/mcp", &["Basic dXNlcjpwYXNz"]), Err(CredentialError::Form));
        assert_eq!(find("/mcp", &["Bearer short"]), Err(CredentialError::Form));
        assert_eq!(find("/mcp", &[&bearer, &bearer]), Err(CredentialError::Ambiguous));
        assert_eq!(find(&format!("/{TOKEN}/mcp"), &[&bearer]), Err(CredentialError::Ambiguous));
        for path in ["/", "/short/mcp", "/mcp/", "/MCP", "/a/b/mcp", "/../mcp", "/.well-known/oauth-protected-resource"]
        {
            assert_eq!(find(path, &[&bearer]), Err(CredentialError::NoSuchPath), "{path}");
        }
    }
}
