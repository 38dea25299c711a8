//! Subscriptions in the format of browsers.

use briefcase_egress::{AddressPolicy, EgressTarget};
use briefcase_json::{JsonLimits, parse_relayed};
use serde_json::Value;

use crate::{SubscriptionError, SubscriptionKeys};

const LIMITS: JsonLimits = JsonLimits { bytes: 8 * 1024, depth: 4, keys: 32, values: 64, number: 64 };

/// A browser's push subscription. Its endpoint is a capability: anyone who knows it and holds a lease can send to it.
pub struct Subscription {
    endpoint: EgressTarget,
    keys: SubscriptionKeys,
}

impl Subscription {
    /// Reads the output of `JSON.stringify(subscription)`. Unknown members are ignored, because browsers add some.
    ///
    /// `policy` must be [`AddressPolicy::Public`] for subscriptions from outside. [`AddressPolicy::Loopback`] is for
    /// test services, which alone may use plain `http`.
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub fn read(json: &[u8], policy: AddressPolicy) -> Result<Self, SubscriptionError> {
        let form = SubscriptionError::Form;
        let document = parse_relayed(json, &LIMITS).map_err(|_| form("not a JSON document of at most 8 KiB"))?;
        let text = |at: &Value, name: &str| at.get(name).and_then(Value::as_str).map(str::to_owned);
        let endpoint = text(&document, "endpoint").ok_or(form("`endpoint` is missing"))?;
        let keys = document.get("keys").ok_or(form("`keys` is missing"))?;
        let p256dh = text(keys, "p256dh").ok_or(form("no p256dh"))?;
        let auth = text(keys, "auth").ok_or(form("`auth` is missing"))?;
        Ok(Self {
            endpoint: EgressTarget::parse(&endpoint, policy)?,
            keys: SubscriptionKeys::from_text(&p256dh, &auth)?,
        })
    }

    /// The endpoint.
    #[must_use]
    pub const fn endpoint(&self) -> &EgressTarget {
        &self.endpoint
    }

    /// The push service's origin, which a lease must name.
    #[must_use]
    pub fn audience(&self) -> String {
        self.endpoint.origin()
    }

    /// The browser's keys.
    #[must_use]
    pub const fn keys(&self) -> &SubscriptionKeys {
        &self.keys
    }
}
