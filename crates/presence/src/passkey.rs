//! Passkeys in the console: WebAuthn with `localhost` as relying party.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::{Digest, Entropy, FactorKind, UnixMillis, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use webauthn_rs::prelude::{
    CredentialID, Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use crate::{EnrolmentPermit, FactorId, Present, ceremonies::Ceremonies};

const RELYING_PARTY: &str = "localhost";
/// The largest accepted response of a browser, in bytes.
const MOST_BYTES: usize = 64 * 1024;
const MOST_LABEL: usize = 64;
/// The lifetime of a registration. It is longer than a decision's, because the person confirms with another factor meanwhile.
const REGISTRATION_LIFE: Duration = Duration::from_secs(300);

/// The stored form of a passkey: a public key with its id, label and counter. It is not secret, but nobody else may change it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyFactor {
    id: FactorId,
    label: String,
    enrolled_at: UnixMillis,
    /// The highest signature counter so far; 0 for authenticators without a counter.
    uses: u32,
    credential: Passkey,
}

/// A verified assertion: the proof, and the factor with its new counter.
pub struct Asserted {
    /// The proof of presence.
    pub present: Present,
    /// The factor to store in place of the one with the same id.
    pub factor: PasskeyFactor,
}

/// A passkey ceremony failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// The response is not the JSON of a browser.
    #[error("the browser's answer cannot be read")]
    Unreadable,
    /// The challenge is unknown, already used, or older than two minutes.
    #[error("this passkey request was used already or has expired; start again")]
    NotOpen,
    /// The response comes from a page other than the console.
    #[error("the passkey was used on another page than this console")]
    OtherOrigin,
    /// The passkey belongs to another site.
    #[error("the passkey belongs to another site")]
    OtherRelyingParty,
    /// The authenticator did not verify its user.
    #[error("the authenticator did not verify its user (fingerprint, face or its PIN)")]
    UserNotVerified,
    /// The signature counter did not increase: the passkey may be a copy.
    #[error("this passkey may have been copied: its counter went back; remove it and enrol another")]
    Copied,
    /// The passkey is not enrolled.
    #[error("this passkey is not enrolled here")]
    NotEnrolled,
    /// The passkey is already enrolled.
    #[error("this passkey is enrolled already")]
    EnrolledAlready,
    /// The signature or another part of the response is invalid.
    #[error("the passkey's answer is not valid")]
    Invalid,
    /// The relying party cannot be set up.
    #[error("passkeys cannot be used with this console address")]
    Configuration,
}

/// The console as a WebAuthn relying party: exactly `http://localhost:PORT`. It holds the open challenges.
pub struct RelyingParty {
    webauthn: Webauthn,
    registrations: Ceremonies<PasskeyRegistration>,
    assertions: Ceremonies<Assertion>,
}

struct Assertion {
    state: PasskeyAuthentication,
    decision: Digest,
}

impl RelyingParty {
    /// Makes the relying party of a console on this port. Passkeys belong to `localhost` and stay valid when the port changes.
    ///
    /// # Errors
    /// The port makes no valid origin.
    pub fn new(console_port: u16) -> Result<Self, PasskeyError> {
        let origin = Url::parse(&format!("http://{RELYING_PARTY}:{console_port}"));
        let origin = origin.map_err(|_| PasskeyError::Configuration)?;
        let builder = WebauthnBuilder::new(RELYING_PARTY, &origin).map_err(|_| PasskeyError::Configuration)?;
        let webauthn = builder.rp_name("Briefcase").allow_any_port(false).timeout(Present::LIFE).build();
        let webauthn = webauthn.map_err(|_| PasskeyError::Configuration)?;
        Ok(Self {
            webauthn,
            registrations: Ceremonies::new(REGISTRATION_LIFE),
            assertions: Ceremonies::new(Present::LIFE),
        })
    }

    /// Begins a registration. Returns the argument of `navigator.credentials.create` as JSON. Enrols nothing yet.
    ///
    /// # Errors
    /// The library cannot make a challenge.
    pub fn begin_registration(
        &self,
        enrolled: &[PasskeyFactor],
        entropy: &dyn Entropy,
        now: UnixMillis,
    ) -> Result<Value, PasskeyError> {
        let mut user = [0; 16];
        entropy.fill(&mut user);
        let known: Vec<CredentialID> = enrolled.iter().map(|factor| factor.credential.cred_id().clone()).collect();
        let started =
            self.webauthn.start_passkey_registration(Uuid::from_bytes(user), "briefcase", "Briefcase", Some(known));
        let (options, state) = started.map_err(|error| refused(&error))?;
        self.registrations.open(options.public_key.challenge.clone(), state, now);
        serde_json::to_value(options).map_err(|_| PasskeyError::Configuration)
    }

    /// Enrols a passkey with the browser's response as JSON. `enrolled` are the passkeys that are enrolled now.
    ///
    /// # Errors
    /// The response is invalid, has no open challenge, is not from this console, or has no user verification.
    pub fn finish_registration(
        &self,
        _permit: EnrolmentPermit,
        answer: &[u8],
        label: &str,
        enrolled: &[PasskeyFactor],
        entropy: &dyn Entropy,
        now: UnixMillis,
    ) -> Result<PasskeyFactor, PasskeyError> {
        let answer: RegisterPublicKeyCredential = read(answer)?;
        let client_data = ClientData::read(&answer.response.client_data_json)?;
        let state = self.registrations.take(&client_data.challenge()?, now).ok_or(PasskeyError::NotOpen)?;
        client_data.unframed()?;
        let credential = self.webauthn.finish_passkey_registration(&answer, &state).map_err(|error| refused(&error))?;
        if enrolled.iter().any(|factor| factor.credential.cred_id() == credential.cred_id()) {
            return Err(PasskeyError::EnrolledAlready);
        }
        let label = text::printable(text::clip(label, MOST_LABEL));
        Ok(PasskeyFactor { id: FactorId::random(entropy), label, enrolled_at: now, uses: 0, credential })
    }

    /// Begins an assertion for one decision. Returns the argument of `navigator.credentials.get` as JSON.
    ///
    /// # Errors
    /// No passkey is enrolled.
    pub fn begin_assertion(
        &self,
        decision: Digest,
        enrolled: &[PasskeyFactor],
        now: UnixMillis,
    ) -> Result<Value, PasskeyError> {
        if enrolled.is_empty() {
            return Err(PasskeyError::NotEnrolled);
        }
        let credentials: Vec<Passkey> = enrolled.iter().map(|factor| factor.credential.clone()).collect();
        let started = self.webauthn.start_passkey_authentication(&credentials);
        let (options, state) = started.map_err(|error| refused(&error))?;
        self.assertions.open(options.public_key.challenge.clone(), Assertion { state, decision }, now);
        serde_json::to_value(options).map_err(|_| PasskeyError::Configuration)
    }

    /// Verifies the browser's response as JSON. The proof belongs to the decision of the challenge.
    ///
    /// `enrolled` are the passkeys that are enrolled now: a passkey removed since the challenge is rejected.
    ///
    /// # Errors
    /// The response is invalid, has no open challenge, is not from this console, has no user verification, or comes from a
    /// passkey that is not enrolled or whose counter did not increase. The challenge is consumed in each case.
    pub fn finish_assertion(
        &self,
        answer: &[u8],
        enrolled: &[PasskeyFactor],
        now: UnixMillis,
    ) -> Result<Asserted, PasskeyError> {
        let answer: PublicKeyCredential = read(answer)?;
        let client_data = ClientData::read(&answer.response.client_data_json)?;
        let open = self.assertions.take(&client_data.challenge()?, now).ok_or(PasskeyError::NotOpen)?;
        client_data.unframed()?;
        let checked =
            self.webauthn.finish_passkey_authentication(&answer, &open.state).map_err(|error| refused(&error))?;
        let factor = enrolled.iter().find(|factor| factor.credential.cred_id() == checked.cred_id());
        let mut factor = factor.ok_or(PasskeyError::NotEnrolled)?.clone();
        if !checked.user_verified() {
            return Err(PasskeyError::UserNotVerified);
        }
        let counts = checked.counter() > 0 || factor.uses > 0;
        if counts && checked.counter() <= factor.uses {
            return Err(PasskeyError::Copied);
        }
        factor.uses = checked.counter();
        factor.credential.update_credential(&checked);
        Ok(Asserted { present: Present::new(FactorKind::Passkey, factor.id, now, open.decision), factor })
    }
}

impl PasskeyFactor {
    /// The factor's id.
    #[must_use]
    pub const fn id(&self) -> FactorId {
        self.id
    }

    /// The person's name for the factor.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The time of the enrolment.
    #[must_use]
    pub const fn enrolled_at(&self) -> UnixMillis {
        self.enrolled_at
    }
}

fn read<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T, PasskeyError> {
    if answer.len() > MOST_BYTES {
        return Err(PasskeyError::Unreadable);
    }
    serde_json::from_slice(answer).map_err(|_| PasskeyError::Unreadable)
}

/// The browser's claims about the page. The library verifies challenge, type and origin again, over the signed bytes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    challenge: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

impl ClientData {
    fn read(client_data: &[u8]) -> Result<Self, PasskeyError> {
        serde_json::from_slice(client_data).map_err(|_| PasskeyError::Unreadable)
    }

    /// The challenge that the response claims to answer.
    fn challenge(&self) -> Result<Vec<u8>, PasskeyError> {
        URL_SAFE_NO_PAD.decode(&self.challenge).map_err(|_| PasskeyError::Unreadable)
    }

    /// Whether the page was in a frame of another page, which the console never is. The library checks registrations only.
    fn unframed(&self) -> Result<(), PasskeyError> {
        if self.cross_origin || self.top_origin.is_some() { Err(PasskeyError::OtherOrigin) } else { Ok(()) }
    }
}

fn refused(error: &WebauthnError) -> PasskeyError {
    match error {
        WebauthnError::InvalidRPOrigin | WebauthnError::CredentialCrossOrigin => PasskeyError::OtherOrigin,
        WebauthnError::InvalidRPIDHash => PasskeyError::OtherRelyingParty,
        WebauthnError::UserNotVerified | WebauthnError::UserNotPresent => PasskeyError::UserNotVerified,
        WebauthnError::CredentialPossibleCompromise => PasskeyError::Copied,
        WebauthnError::CredentialNotFound => PasskeyError::NotEnrolled,
        _ => PasskeyError::Invalid,
    }
}
