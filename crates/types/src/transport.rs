//! Transports: how a server is reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SecretName;

/// The text in a header's value that is replaced by the secret.
pub const SECRET_PLACEHOLDER: &str = "{secret}";

/// How a server is reached, as a person registered it. The JSON form is the one of the authority document.
///
/// A further kind of transport is a further variant: no match on this type has a wildcard, so the compiler names every place
/// that has to know the new kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Transport {
    /// Streamable HTTP of either era, or the older HTTP+SSE when the server speaks nothing else.
    Http {
        /// The URL. A loopback address means this machine; any other host has to be public.
        url: String,
        /// Headers sent with every request.
        #[serde(default)]
        headers: Vec<HeaderTemplate>,
    },
    /// A child process that speaks on its standard input and output.
    Stdio {
        /// Program and arguments, exactly; no shell reads them.
        argv: Vec<String>,
        /// Variables besides the few that every child gets.
        #[serde(default)]
        env: BTreeMap<String, EnvValue>,
        /// The working directory; the home folder when absent.
        #[serde(default)]
        cwd: Option<String>,
    },
}

/// An HTTP header sent with every request to one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct HeaderTemplate {
    /// The field name.
    pub name: String,
    /// The value, with [`SECRET_PLACEHOLDER`] in the secret's place.
    pub value: String,
    /// The secret in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub secret: Option<SecretName>,
}

/// The value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EnvValue {
    /// The value itself.
    Literal(String),
    /// The value of a secret in the vault.
    Secret(SecretName),
}

impl Transport {
    /// The kind's word: `http` or `stdio`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Http { .. } => "http",
            Self::Stdio { .. } => "stdio",
        }
    }

    /// The secrets that the server is given.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        let (headers, env) = match self {
            Self::Http { headers, .. } => (Some(headers), None),
            Self::Stdio { env, .. } => (None, Some(env)),
        };
        let in_headers = headers.into_iter().flatten().filter_map(|header| header.secret.as_ref());
        let in_env = env.into_iter().flat_map(BTreeMap::values).filter_map(|value| match value {
            EnvValue::Secret(name) => Some(name),
            EnvValue::Literal(_) => None,
        });
        in_headers.chain(in_env)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_stays() {
        for (text, secrets) in [
            (r#"{"kind":"http","url":"https://a.example/mcp","headers":[]}"#, 0),
            (
                concat!(
                    r#"{"kind":"http","url":"u","headers":[{"name":"authorization","value":"Bearer {secret}","#,
                    r#""secret":"token"},{"name":"x-a","value":"b"}]}"#
                ),
                1,
            ),
            (
                concat!(
                    r#"{"kind":"stdio","argv":["npx","files"],"env":{"A":{"literal":"b"},"T":{"secret":"token"}},"#,
                    r#""cwd":"/tmp"}"#
                ),
                1,
            ),
            (r#"{"kind":"stdio","argv":["a"],"env":{},"cwd":null}"#, 0),
        ] {
            let transport: Transport = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&transport).unwrap(), text);
            assert_eq!(transport.secrets().count(), secrets, "{text}");
        }
        for invalid in [r#"{"kind":"pigeon"}"#, r#"{"kind":"stdio","argv":[],"shell":true}"#] {
            assert!(serde_json::from_str::<Transport>(invalid).is_err(), "{invalid}");
        }
    }
}
