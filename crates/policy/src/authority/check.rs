//! The limits of a whole document. Every decoded or changed document is checked once.

use std::collections::BTreeSet;

use briefcase_types::{EnvValue, HeaderTemplate, SECRET_PLACEHOLDER, Transport, text};

use super::TOOLS_MAX;
use super::{Authority, AuthorityError, GrantError, Limit, Pin, Server, descriptive_place};

const POLICY_BYTES_MAX: usize = 256 << 10;
const LIST_MAX: usize = 1024;
/// The most places of one definition that may vary.
const PLACES_MAX: usize = 256;
const TEXT_MAX: usize = 32 << 10;

fn invalid(what: impl Into<String>, why: impl Into<String>) -> AuthorityError {
    AuthorityError::Invalid { what: text::printable(text::clip(&what.into(), 200)), why: why.into() }
}

impl Authority {
    /// Checks every limit of the document.
    ///
    /// # Errors
    /// [`AuthorityError`] naming the first part that is outside its limits.
    pub fn check(&self) -> Result<(), AuthorityError> {
        if self.v != super::FORM {
            return Err(AuthorityError::NewerForm(self.v));
        }
        if self.policy.len() > POLICY_BYTES_MAX {
            return Err(invalid("policy", "the text is longer than 256 KiB"));
        }
        self.settings.check().map_err(|error| invalid(error.name, error.why))?;
        self.check_lists()?;
        self.servers.iter().try_for_each(|(id, server)| check_server(id.as_str(), server))?;
        self.check_secrets()?;
        self.check_grants()?;
        self.check_budgets()
    }

    fn check_lists(&self) -> Result<(), AuthorityError> {
        let lists = [
            ("agents", self.agents.len()),
            ("servers", self.servers.len()),
            ("grants", self.grants.len()),
            ("budgets", self.budgets.len()),
            ("factors", self.factors.len()),
            ("secrets", self.secrets.len()),
        ];
        if let Some((name, _)) = lists.iter().find(|(_, length)| *length > LIST_MAX) {
            return Err(invalid(*name, format!("there are more than {LIST_MAX}")));
        }
        let tokens: BTreeSet<_> = self.agents.values().map(|agent| *agent.token.as_bytes()).collect();
        if tokens.len() != self.agents.len() {
            return Err(invalid("agents", "two agents have the same token"));
        }
        let factors: BTreeSet<_> = self.factors.iter().map(|factor| &factor.id).collect();
        if factors.len() != self.factors.len() || factors.iter().any(|id| id.is_empty() || id.len() > 128) {
            return Err(invalid("factors", "each factor needs an id of its own, of at most 128 characters"));
        }
        Ok(())
    }

    fn check_secrets(&self) -> Result<(), AuthorityError> {
        for (id, server) in &self.servers {
            if let Some(missing) = server.transport.secrets().find(|name| !self.secrets.contains_key(*name)) {
                return Err(invalid(
                    format!("server {id}"),
                    format!(
                        "it uses the secret `{missing}`, which is not in the vault; put it there with `briefcase secret set {missing}`"
                    ),
                ));
            }
        }
        Ok(())
    }

    fn check_grants(&self) -> Result<(), AuthorityError> {
        let mut ids = BTreeSet::new();
        for grant in &self.grants {
            grant.check()?;
            if !ids.insert(&grant.id) {
                return Err(GrantError::Id.into());
            }
            if !self.agents.contains_key(&grant.agent) {
                return Err(AuthorityError::Unknown { kind: "agent", name: grant.agent.to_string() });
            }
            if self.pin(&grant.server, &grant.tool).is_none_or(|pin| pin.digest != grant.pin) {
                return Err(GrantError::Pin(format!("{}/{}", grant.server, grant.tool)).into());
            }
        }
        Ok(())
    }

    fn check_budgets(&self) -> Result<(), AuthorityError> {
        for (index, budget) in self.budgets.iter().enumerate() {
            let name = format!("budget for {}", budget.scope);
            if budget.scope.tool.is_some() && budget.scope.server.is_none() {
                return Err(invalid(name, "a budget for a tool names its server too"));
            }
            if matches!(budget.limit, Limit::Money(money) if money.micros == 0) {
                return Err(invalid(name, "a limit of no money; deny the tool by policy instead"));
            }
            if self.budgets.iter().skip(index + 1).any(|other| other.same_counter(budget)) {
                return Err(invalid(name, "there are two limits for the same scope, window and unit"));
            }
        }
        Ok(())
    }
}

fn check_server(id: &str, server: &Server) -> Result<(), AuthorityError> {
    let name = |part: &str| format!("server {id}, {part}");
    if server.pins.len() > TOOLS_MAX {
        return Err(invalid(name("tools"), format!("there are more than {TOOLS_MAX}")));
    }
    let places = |pin: &Pin| {
        pin.varying.len() <= PLACES_MAX
            && pin.varying.iter().all(|place| descriptive_place(place).as_ref() == Some(place))
    };
    if !server.pins.values().all(places) {
        return Err(invalid(
            name("varying"),
            "only up to 256 titles, descriptions, defaults, examples and enums may vary",
        ));
    }
    server.settings.check().map_err(|error| invalid(name(error.name), error.why))?;
    match &server.transport {
        Transport::Http { url, headers } => {
            check_url(url).map_err(|why| invalid(name("url"), why))?;
            if headers.len() > 32 {
                return Err(invalid(name("headers"), "there are more than 32"));
            }
            headers.iter().try_for_each(|header| check_header(header).map_err(|why| invalid(name(&header.name), why)))
        }
        Transport::Stdio { argv, env, cwd } => {
            let texts = argv.iter().chain(cwd);
            if argv.first().is_none_or(String::is_empty) || argv.len() > 256 {
                return Err(invalid(name("argv"), "a command is a program and at most 255 arguments"));
            }
            if texts.clone().any(|text| text.len() > TEXT_MAX || text.contains('\0')) {
                return Err(invalid(name("argv"), "an argument is longer than 32 KiB or contains a NUL"));
            }
            env.iter().try_for_each(|(key, value)| check_env(key, value).map_err(|why| invalid(name(key), why)))
        }
    }
}

/// Rejects only text that cannot be a URL at all: egress parses and resolves it.
fn check_url(url: &str) -> Result<(), &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.ok_or("a URL starts with https:// or http://")?;
    let printable = url.len() <= 2048 && url.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable || host.is_empty() || host.starts_with('/') {
        return Err("a URL is at most 2,048 printable ASCII characters and names a host");
    }
    if host.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
        return Err("a URL contains no user name or password; put credentials into a header from the vault");
    }
    Ok(())
}

fn check_header(header: &HeaderTemplate) -> Result<(), &'static str> {
    const SET_BY_TRANSPORT: [&str; 7] =
        ["host", "content-length", "transfer-encoding", "connection", "content-type", "accept", "upgrade"];
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = header.name.to_ascii_lowercase();
    if name.is_empty() || name.len() > 128 || !name.bytes().all(token) {
        return Err("a header's name is 1 to 128 letters, digits and !#$%&'*+-.^_`|~");
    }
    if SET_BY_TRANSPORT.contains(&name.as_str()) || name.starts_with("mcp-") {
        return Err("this header is set by the transport");
    }
    let visible = header.value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !visible || header.value.len() > 4096 {
        return Err("a header's value is at most 4,096 printable ASCII characters");
    }
    match (header.value.matches(SECRET_PLACEHOLDER).count(), &header.secret) {
        (1, Some(_)) | (0, None) => Ok(()),
        _ => {
            Err("a value with a secret contains `{secret}` exactly once; a value without a secret does not contain it")
        }
    }
}

fn check_env(key: &str, value: &EnvValue) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if key.is_empty() || key.len() > 128 || !key.bytes().all(plain) {
        return Err("an environment variable's name is 1 to 128 letters, digits and _");
    }
    const LOADER: [&str; 3] = ["LD_", "DYLD_", "BASH_FUNC"];
    if LOADER.iter().any(|prefix| key.starts_with(prefix)) {
        return Err("this variable changes which code the program runs");
    }
    match value {
        EnvValue::Literal(text) if text.len() > TEXT_MAX || text.contains('\0') => {
            Err("a value is longer than 32 KiB or contains a NUL")
        }
        _ => Ok(()),
    }
}
