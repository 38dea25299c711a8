//! The command or URL of a server: read from arguments, and shown to a person.

use std::collections::BTreeMap;

use briefcase_api::ServerSpec;
use briefcase_types::{HeaderTemplate, SecretName};
use clap::Args;

use crate::{
    failure::Failure,
    output::{TextOutput, Tone, span},
};

/// Headers that always hold credentials.
const CREDENTIALS: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token"];
/// The placeholder for the secret in a header.
const PLACE: &str = "{secret}";

/// How to reach a server.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// Endpoint of a remote server (Streamable HTTP)
    #[arg(long, value_name = "URL", conflicts_with = "argv")]
    url: Option<String>,
    /// Header to send, such as 'Authorization: Bearer {secret}' (may be repeated)
    #[arg(long, value_name = "NAME: VALUE", requires = "url", num_args = 1)]
    header: Vec<String>,
    /// Secret for the {secret} of the header before it (may be repeated, once per header)
    #[arg(long, value_name = "SECRET", requires = "header", num_args = 1)]
    secret: Vec<SecretName>,
    /// Environment variable of a local server (may be repeated)
    #[arg(long, value_name = "KEY=VALUE", requires = "argv", num_args = 1)]
    env: Vec<String>,
    /// Environment variable of a local server whose value is a secret of the vault (may be repeated)
    #[arg(long, value_name = "KEY=SECRET", requires = "argv", num_args = 1)]
    secret_env: Vec<String>,
    /// Working folder of a local server
    #[arg(long, value_name = "DIR", requires = "argv")]
    cwd: Option<String>,
    /// Program and arguments of a local server, after `--`; no shell reads them
    #[arg(last = true, value_name = "COMMAND")]
    argv: Vec<String>,
}

impl ServerArguments {
    /// The server's specification.
    pub fn spec(self) -> Result<ServerSpec, Failure> {
        match (self.url, self.argv.is_empty()) {
            (Some(url), _) => {
                Ok(ServerSpec::Http { url, headers: headers(&self.header, self.secret)?, settings: Box::default() })
            }
            (None, false) => {
                let env = pairs(&self.env)?;
                let secret = |(name, value): (String, String)| match value.parse::<SecretName>() {
                    Ok(secret) => Ok((name, secret)),
                    Err(error) => Err(Failure::usage(
                        format!("--secret-env {name}: {error}."),
                        "Give a secret's name, not its value.",
                    )),
                };
                let secret_env = pairs(&self.secret_env)?.into_iter().map(secret).collect::<Result<_, _>>()?;
                Ok(ServerSpec::Stdio { argv: self.argv, env, secret_env, cwd: self.cwd, settings: Box::default() })
            }
            (None, true) => Err(Failure::usage(
                "The command line does not say how to reach the server.",
                "Give --url URL for a remote server, or `-- COMMAND ARGUMENTS…` for a local one.",
            )),
        }
    }
}

fn headers(texts: &[String], secrets: Vec<SecretName>) -> Result<Vec<HeaderTemplate>, Failure> {
    let mut left = secrets.into_iter().peekable();
    let mut headers = Vec::new();
    for text in texts {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("--header `{text}` has no colon."), "Write it as 'Name: value'."))?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        let secret = if value.contains(PLACE) {
            let missing = || {
                Failure::usage(
                    format!("--header {name} contains {PLACE}, but no --secret follows it."),
                    "Add --secret NAME.",
                )
            };
            Some(left.next().ok_or_else(missing)?)
        } else {
            None
        };
        if secret.is_none() && CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) {
            let text = format!("--header {name} holds a credential in clear.");
            let next = format!(
                "Put it into the vault with `briefcase secret set NAME`, and write --header '{name}: {PLACE}' --secret NAME."
            );
            return Err(Failure::usage(text, next));
        }
        headers.push(HeaderTemplate { name, value, secret });
    }
    match left.next() {
        Some(unused) => Err(Failure::usage(
            format!("--secret {unused} is not used in any header."),
            format!("Write {PLACE} into the header that needs it."),
        )),
        None => Ok(headers),
    }
}

fn pairs(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut pairs = BTreeMap::new();
    for text in texts {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) =
            pair.ok_or_else(|| Failure::usage(format!("`{text}` is not KEY=VALUE."), "Write KEY=VALUE."))?;
        if pairs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("{name} is given twice."), "Give it once."));
        }
    }
    Ok(pairs)
}

/// The secrets a server uses.
pub fn secrets(spec: &ServerSpec) -> Vec<&SecretName> {
    match spec {
        ServerSpec::Http { headers, .. } => headers.iter().filter_map(|header| header.secret.as_ref()).collect(),
        ServerSpec::Stdio { secret_env, .. } => secret_env.values().collect(),
    }
}

/// The command or URL of a server in full: every argument in quotes, nothing cut.
pub fn describe(spec: &ServerSpec) -> TextOutput {
    let mut output = TextOutput::new();
    match spec {
        ServerSpec::Http { url, headers, .. } => {
            output.field("address", span(url, Tone::Strong));
            for header in headers {
                let secret = header.secret.as_ref().map(|name| format!("   (secret `{name}`)")).unwrap_or_default();
                output.field("header", format!("{}: {}{secret}", header.name, header.value));
            }
        }
        ServerSpec::Stdio { argv, env, secret_env, cwd, .. } => {
            for (at, argument) in argv.iter().enumerate() {
                let name = if at == 0 { "program" } else { "argument" };
                output.field(name, span(format!("'{argument}'"), if at == 0 { Tone::Strong } else { Tone::Plain }));
            }
            for (name, value) in env {
                output.field("environment", format!("{name}='{value}'"));
            }
            for (name, secret) in secret_env {
                output.field("environment", format!("{name}=   (secret `{secret}`)"));
            }
            if let Some(cwd) = cwd {
                output.field("folder", format!("'{cwd}'"));
            }
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(url: Option<&str>, header: &[&str], secret: &[&str], argv: &[&str]) -> ServerArguments {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        ServerArguments {
            url: url.map(str::to_owned),
            header: texts(header),
            secret: secret.iter().map(|name| name.parse().unwrap()).collect(),
            env: vec![],
            secret_env: vec![],
            cwd: None,
            argv: texts(argv),
        }
    }

    #[test]
    fn a_credential_in_clear_is_refused_with_the_way_to_do_it() {
        let refused =
            arguments(Some("https://x.example"), &["Authorization: Bearer abc"], &[], &[]).spec().unwrap_err();
        assert!(refused.to_string().contains("briefcase secret set"), "{refused}");
        assert!(!refused.to_string().contains("abc"), "{refused}");
        let spec =
            arguments(Some("https://x.example"), &["Authorization: Bearer {secret}"], &["gh"], &[]).spec().unwrap();
        assert_eq!(secrets(&spec).len(), 1);
    }

    #[test]
    fn secrets_and_headers_have_to_match() {
        let url = Some("https://x.example");
        for (header, secret) in
            [(&["X-Api-Key: {secret}"][..], &[][..]), (&["X-Team: blue"], &["gh"]), (&["nocolon"], &[])]
        {
            assert_eq!(arguments(url, header, secret, &[]).spec().unwrap_err().exit_code(), 2, "{header:?}");
        }
        assert_eq!(arguments(None, &[], &[], &[]).spec().unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_command_is_shown_whole_with_what_would_hide() {
        let hidden = format!("{}\u{202e}txt.exe\u{1b}[1A", "a".repeat(300));
        let spec = arguments(None, &[], &[], &["npx", "-y", &hidden, ""]).spec().unwrap();
        let text = describe(&spec).render(false);
        assert!(text.contains(&"a".repeat(300)) && text.contains("\\u{202e}txt.exe\\u{1b}[1A"), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.ends_with("''\n"), "{text}");
    }
}
