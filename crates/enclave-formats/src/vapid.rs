//! The signed content of a `vapid` key: the token of RFC 8292, in one format, with a short lifetime.
//!
//! A token works for every subscription made with its key at that push service. So it names one origin and expires
//! soon: a misbehaving relay holds only the leases it was given.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    CodecError, Es256Public,
    codec::{self, Codec, DocumentMembers, members, text},
    json_subset::{Object, Value},
};

/// The default lease for a relay.
pub const RELAY: Duration = Duration::from_hours(2);
/// The default lease for other holders.
pub const DEFAULT: Duration = Duration::from_hours(12);
/// The longest lease; RFC 8292 section 2 allows no more.
pub const MOST: Duration = Duration::from_hours(24);

/// The header, as this code and most libraries write it. It is compared as a whole: other header members would have no
/// effect, so they are rejected.
const HEADER: &str = r#"{"alg":"ES256","typ":"JWT"}"#;
const HEADER_OF_OTHERS: &str = r#"{"typ":"JWT","alg":"ES256"}"#;

/// A token is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VapidError {
    /// The claims or the token are malformed.
    #[error(transparent)]
    Form(#[from] CodecError),
    /// The lease is too long, or has no length.
    #[error("a lease must last from 1 second to 24 hours")]
    Lease,
    /// `aud` is not an origin, or not the expected one.
    #[error("aud must be the origin of the push service")]
    Audience,
    /// `sub` is neither a mail address nor a URL.
    #[error("sub must be a mailto: or https: URL")]
    Subject,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The signature is invalid.
    #[error("the token's signature is invalid")]
    Signature,
}

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VapidClaims {
    /// The push service's origin.
    aud: String,
    /// The expiry time, in seconds since 1970.
    exp: u64,
    /// The contact for the push service.
    sub: String,
}

impl VapidClaims {
    /// Makes a lease that starts at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`VapidError::Lease`], [`VapidError::Audience`], [`VapidError::Subject`].
    pub fn lease(aud: &str, sub: &str, now: u64, ttl: Duration) -> Result<Self, VapidError> {
        if ttl < Duration::from_secs(1) || ttl > MOST {
            return Err(VapidError::Lease);
        }
        let exp = now.checked_add(ttl.as_secs()).ok_or(VapidError::Lease)?;
        Self { aud: aud.to_owned(), exp, sub: sub.to_owned() }.well_formed()
    }

    /// The expiry time, in seconds since 1970.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.exp
    }

    /// The push service's origin.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.aud
    }

    /// The input of the signature: `header.claims` of a JWS in compact form.
    ///
    /// # Errors
    /// Never for claims made by [`VapidClaims::lease`] or [`verify`].
    pub fn signing_input(&self) -> Result<String, VapidError> {
        let claims = self.write()?;
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims)))
    }

    fn well_formed(self) -> Result<Self, VapidError> {
        if !codec::is_origin(&self.aud) {
            return Err(VapidError::Audience);
        }
        let plain = self.sub.len() <= 255 && self.sub.bytes().all(|byte| byte.is_ascii_graphic());
        let known =
            ["mailto:", "https://"].iter().any(|scheme| self.sub.len() > scheme.len() && self.sub.starts_with(scheme));
        if plain && known { Ok(self) } else { Err(VapidError::Subject) }
    }
}

impl Codec for VapidClaims {
    const NAME: &'static str = "VAPID claims";

    fn take(members: &mut DocumentMembers) -> Result<Self, CodecError> {
        Ok(Self { aud: members.text("aud")?, exp: members.number("exp")?, sub: members.text("sub")? })
    }

    fn give(&self) -> Object {
        members([("aud", text(&self.aud)), ("exp", Value::Number(self.exp)), ("sub", text(&self.sub))])
    }

    fn check(&self) -> Result<(), CodecError> {
        Ok(())
    }
}

/// Verifies a token as a strict push service would: this format, this key, this audience, not expired, and no longer
/// than a lease may be.
///
/// # Errors
/// [`VapidError`].
pub fn verify(token: &str, key: &Es256Public, audience: &str, now: u64) -> Result<VapidClaims, VapidError> {
    let broken = || VapidError::Form(CodecError::Limit("the token must have three canonical parts in base64url"));
    let (input, signature) = token.rsplit_once('.').ok_or_else(broken)?;
    let (header, claims) = input.split_once('.').ok_or_else(broken)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| broken());
    key.verify(input.as_bytes(), &decode(signature)?).map_err(|_| VapidError::Signature)?;
    if ![HEADER, HEADER_OF_OTHERS].map(str::as_bytes).contains(&decode(header)?.as_slice()) {
        return Err(broken());
    }
    let claims = VapidClaims::read(&decode(claims)?)?.well_formed()?;
    if claims.aud != audience {
        return Err(VapidError::Audience);
    }
    if claims.exp <= now {
        return Err(VapidError::Expired);
    }
    if claims.exp - now > MOST.as_secs() { Err(VapidError::Lease) } else { Ok(claims) }
}
