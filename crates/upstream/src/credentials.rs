//! The one place where secrets meet headers and environments.
//!
//! Invariant: outside of this module's closures no secret is held as text; a header that carries one is marked
//! sensitive, so that nothing prints it.

use std::sync::Arc;

use briefcase_types::SecretName;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use crate::{Directory, EnvValue, HeaderSpec, NotReady, spec::SLOT};

/// Builds the registered headers anew for each request.
pub(crate) struct Credentials {
    directory: Arc<dyn Directory>,
    headers: Vec<HeaderSpec>,
}

impl Credentials {
    pub(crate) fn new(directory: Arc<dyn Directory>, headers: Vec<HeaderSpec>) -> Self {
        Self { directory, headers }
    }

    /// Adds the registered headers.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) -> Result<(), NotReady> {
        for spec in &self.headers {
            let value = match spec.secret() {
                None => header(spec.template())?,
                Some(name) => {
                    let mut value = with(&*self.directory, name, spec.template(), header)?;
                    value.set_sensitive(true);
                    value
                }
            };
            headers.insert(spec.name().clone(), value);
        }
        Ok(())
    }
}

/// A variable's value for a child that is being started.
pub(crate) fn env_value(directory: &dyn Directory, value: &EnvValue) -> Result<Zeroizing<String>, NotReady> {
    match value {
        EnvValue::Plain(text) => Ok(Zeroizing::new(text.clone())),
        EnvValue::Secret { template, secret } => {
            with(directory, secret, template, |text| Ok(Zeroizing::new(text.to_owned())))
        }
    }
}

fn header(text: &str) -> Result<HeaderValue, NotReady> {
    HeaderValue::from_str(text)
        .map_err(|_| NotReady("a credential has characters that a header cannot carry; set the secret again".into()))
}

fn with<T>(
    directory: &dyn Directory,
    name: &SecretName,
    template: &str,
    mut use_text: impl FnMut(&str) -> Result<T, NotReady>,
) -> Result<T, NotReady> {
    let mut made = None;
    directory.with_secret(name, &mut |secret| {
        let text = Zeroizing::new(template.replace(SLOT, secret));
        made = Some(use_text(&text));
    })?;
    made.unwrap_or_else(|| Err(NotReady(format!("the secret `{name}` is not in the vault"))))
}
