//! Leases: tokens signed by the enclave. They are all that a sender has of the enclave's key.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_enclave_formats::{Es256Public, vapid};
use briefcase_types::{SecretString, UnixMillis};
use http::HeaderValue;

use crate::LeaseError;

const POINT: usize = 65;
/// The longest accepted text. Every token within the limits for `aud` and `sub` is shorter.
const LONGEST: usize = 4096;

/// A token for one push service.
pub struct Lease {
    key: [u8; POINT],
    audience: String,
    expires: u64,
    authorization: SecretString,
}

impl Lease {
    /// Reads the `Authorization` value of the enclave's `vapidHeaders`. It must be valid for this push service now.
    ///
    /// # Errors
    /// [`LeaseError::Form`], [`LeaseError::Token`].
    pub fn read(authorization: &str, audience: &str, now: UnixMillis) -> Result<Self, LeaseError> {
        let (token, key) = parts(authorization)?;
        let key = URL_SAFE_NO_PAD.decode(key).ok().and_then(|key| <[u8; POINT]>::try_from(key).ok());
        let key = key.ok_or(LeaseError::Form("k is not 65 bytes in base64url"))?;
        let public = Es256Public::from_raw(&key).map_err(|_| LeaseError::Form("k is not a point of P-256"))?;
        let claims = vapid::verify(token, &public, audience, now.0 / 1000)?;
        let authorization = SecretString::new(authorization.to_owned());
        Ok(Self { key, audience: audience.to_owned(), expires: claims.expires(), authorization })
    }

    /// The public key that the subscriptions must use.
    #[must_use]
    pub const fn key(&self) -> &[u8; POINT] {
        &self.key
    }

    /// The push service's origin.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The expiry time, in seconds since 1970.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    fn is_over(&self, now: UnixMillis) -> bool {
        self.expires <= now.0 / 1000
    }

    pub(crate) fn header(&self) -> Result<HeaderValue, LeaseError> {
        let mut header =
            self.authorization.expose(HeaderValue::from_str).map_err(|_| LeaseError::Form("not a header"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

/// Splits `vapid t=TOKEN, k=KEY`, in exactly the enclave's format. The standard allows more, but the enclave is the
/// only writer.
fn parts(authorization: &str) -> Result<(&str, &str), LeaseError> {
    if authorization.len() > LONGEST {
        return Err(LeaseError::Form("too long"));
    }
    let parameters = authorization.strip_prefix("vapid t=").ok_or(LeaseError::Form("it must begin with `vapid t=`"))?;
    parameters.split_once(", k=").ok_or(LeaseError::Form("it must end with `, k=` and the key"))
}

/// The leases under one VAPID key, at most one per push service.
pub struct Leases {
    key: [u8; POINT],
    held: BTreeMap<String, Lease>,
}

impl Leases {
    /// An empty set, for subscriptions made with this public key.
    #[must_use]
    pub const fn new(key: [u8; POINT]) -> Self {
        Self { key, held: BTreeMap::new() }
    }

    /// Stores a lease. Replaces the earlier lease for its push service.
    ///
    /// # Errors
    /// [`LeaseError::OtherKey`].
    pub fn keep(&mut self, lease: Lease) -> Result<(), LeaseError> {
        if lease.key != self.key {
            return Err(LeaseError::OtherKey);
        }
        self.held.insert(lease.audience.clone(), lease);
        Ok(())
    }

    /// Finds the lease for a push service.
    ///
    /// # Errors
    /// [`LeaseError::Missing`] when the lease is missing or expired.
    pub fn find(&self, audience: &str, now: UnixMillis) -> Result<&Lease, LeaseError> {
        let held = self.held.get(audience).filter(|lease| !lease.is_over(now));
        held.ok_or_else(|| LeaseError::Missing(audience.to_owned()))
    }

    /// Removes expired leases.
    pub fn sweep(&mut self, now: UnixMillis) {
        self.held.retain(|_, lease| !lease.is_over(now));
    }
}
