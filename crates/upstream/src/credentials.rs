//! The only place where secrets meet headers and environments.
//!
//! Invariant: no secret is kept as text outside of this module's closures; a header that carries one is marked
//! sensitive, so that nothing prints it.

use std::sync::Arc;

use briefcase_ports::{
    AfterChallenge, BoxFuture, Challenge, HeaderSpec, NotReady, RequestAuthorizer, RequestToAuthorize, SecretSource,
};
use briefcase_types::{EnvValue, HeaderTemplate, SECRET_PLACEHOLDER, SecretName};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// Authorizes requests with the registered headers, built anew for each request.
pub(crate) struct HeaderAuthorizer {
    secrets: Arc<dyn SecretSource>,
    headers: Vec<HeaderSpec>,
}

impl HeaderAuthorizer {
    pub(crate) fn new(secrets: Arc<dyn SecretSource>, headers: &[HeaderTemplate]) -> Result<Self, NotReady> {
        let headers = headers.iter().map(HeaderSpec::try_from).collect::<Result<_, _>>();
        Ok(Self { secrets, headers: headers.map_err(|error| NotReady(error.to_string()))? })
    }

    fn add_to(&self, headers: &mut HeaderMap) -> Result<(), NotReady> {
        for spec in &self.headers {
            let value = match spec.secret() {
                None => header(spec.template())?,
                Some(name) => {
                    let mut value = with(&*self.secrets, name, spec.template(), header)?;
                    value.set_sensitive(true);
                    value
                }
            };
            headers.insert(spec.name().clone(), value);
        }
        Ok(())
    }
}

impl RequestAuthorizer for HeaderAuthorizer {
    fn authorize<'a>(&'a self, request: RequestToAuthorize<'a>) -> BoxFuture<'a, Result<(), NotReady>> {
        Box::pin(async move { self.add_to(request.headers) })
    }

    /// The same headers would be rejected again.
    fn on_challenge<'a>(&'a self, _: Challenge<'a>) -> BoxFuture<'a, AfterChallenge> {
        Box::pin(async { AfterChallenge::Fail })
    }
}

/// A variable's value for a child that is being started.
pub(crate) fn env_value(secrets: &dyn SecretSource, value: &EnvValue) -> Result<Zeroizing<String>, NotReady> {
    match value {
        EnvValue::Literal(text) => Ok(Zeroizing::new(text.clone())),
        EnvValue::Secret(name) => with(secrets, name, SECRET_PLACEHOLDER, |text| Ok(Zeroizing::new(text.to_owned()))),
    }
}

fn header(text: &str) -> Result<HeaderValue, NotReady> {
    HeaderValue::from_str(text)
        .map_err(|_| NotReady("a credential has characters that a header cannot carry; set the secret again".into()))
}

fn with<T>(
    secrets: &dyn SecretSource,
    name: &SecretName,
    template: &str,
    mut use_text: impl FnMut(&str) -> Result<T, NotReady>,
) -> Result<T, NotReady> {
    let mut made = None;
    secrets.with_secret(name, &mut |secret| {
        let text = Zeroizing::new(template.replace(SECRET_PLACEHOLDER, secret));
        made = Some(use_text(&text));
    })?;
    made.unwrap_or_else(|| Err(NotReady(format!("the secret `{name}` is not in the vault"))))
}
