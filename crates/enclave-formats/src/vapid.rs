//! What a `vapid` key signs: the token of RFC 8292, in one form, for a short time.
//!
//! A token is a bearer token for every subscription made with its key at that push service. So the one origin it is for
//! is named, and it ends soon: a relay that misbehaves holds at most what was leased to it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    CodecError, Es256Public,
    codec::{self, Codec, DocumentMembers, members, text},
    json_subset::{Object, Value},
};

/// A lease for a relay, when nothing else is said.
pub const RELAY: Duration = Duration::from_hours(2);
/// A lease for anything else, when nothing else is said.
pub const DEFAULT: Duration = Duration::from_hours(12);
/// The longest lease; RFC 8292 section 2 allows no more.
pub const MOST: Duration = Duration::from_hours(24);

/// The header as it is written here, and as RFC 8292 and most libraries write it. Nothing else in it would be obeyed, so
/// nothing else is read.
const HEADER: &str = r#"{"alg":"ES256","typ":"JWT"}"#;
const HEADER_OF_OTHERS: &str = r#"{"typ":"JWT","alg":"ES256"}"#;

/// A token that is not good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VapidError {
    /// The claims or the token do not have the form.
    #[error(transparent)]
    Form(#[from] CodecError),
    /// Longer than a lease may be, or of no length.
    #[error("a lease lasts at least a second and at most 24 hours")]
    Lease,
    /// `aud` is not an origin, or not the one asked for.
    #[error("aud has to be the origin of the push service")]
    Audience,
    /// `sub` is neither a mail address nor a page.
    #[error("sub has to be a mailto: or https: address")]
    Subject,
    /// The time in it is over.
    #[error("the token has expired")]
    Expired,
    /// The signature does not fit.
    #[error("the token's signature does not fit")]
    Signature,
}

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VapidClaims {
    /// Origin of the push service.
    aud: String,
    /// End of the lease, in seconds since 1970.
    exp: u64,
    /// Whom the push service can turn to.
    sub: String,
}

impl VapidClaims {
    /// A lease that begins at `now` (seconds since 1970).
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

    /// End of the lease, in seconds since 1970.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.exp
    }

    /// Origin of the push service.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.aud
    }

    /// What is signed: `header.claims` of a JWS in compact form.
    ///
    /// # Errors
    /// None for claims that were leased or verified.
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

/// Checks a token as a careful push service would: our form, our key, this audience, and neither over nor longer than a
/// lease may be.
///
/// # Errors
/// [`VapidError`].
pub fn verify(token: &str, key: &Es256Public, audience: &str, now: u64) -> Result<VapidClaims, VapidError> {
    let broken = || VapidError::Form(CodecError::Limit("the token has three parts in base64url, in our form"));
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
