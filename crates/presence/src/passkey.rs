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
/// The largest answer of a browser that is read.
const MOST_BYTES: usize = 64 * 1024;
const MOST_LABEL: usize = 64;
/// Enrolling takes longer than deciding: the person proves with another factor in between that it is wanted.
const REGISTRATION_LIFE: Duration = Duration::from_secs(300);

/// A passkey's stored form: a public key and what is known about it. Not secret; must not be changed by others.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyFactor {
    id: FactorId,
    label: String,
    enrolled_at: UnixMillis,
    /// The highest signature counter seen; 0 for authenticators that do not count.
    uses: u32,
    credential: Passkey,
}

/// A checked passkey: the proof, and the factor with its counter moved on.
pub struct Asserted {
    /// The proof of presence.
    pub present: Present,
    /// Store this in place of the factor with the same id.
    pub factor: PasskeyFactor,
}

/// Why a passkey ceremony failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// Not the JSON a browser gives.
    #[error("the browser's answer cannot be read")]
    Unreadable,
    /// The challenge is unknown, was answered already, or is older than two minutes.
    #[error("this question was answered already or is too old; ask again")]
    NotOpen,
    /// The page was not the console.
    #[error("the passkey was used on another page than this console")]
    OtherOrigin,
    /// Made for another site.
    #[error("the passkey belongs to another site")]
    OtherRelyingParty,
    /// The authenticator did not check who was there.
    #[error("the authenticator did not verify its user (fingerprint, face or its PIN)")]
    UserNotVerified,
    /// The counter went back.
    #[error("this passkey may have been copied: its counter went back; remove it and enrol another")]
    Copied,
    /// Not enrolled, or no longer.
    #[error("this passkey is not enrolled here")]
    NotEnrolled,
    /// Enrolled already.
    #[error("this passkey is enrolled already")]
    EnrolledAlready,
    /// The signature or another part of the answer is wrong.
    #[error("the passkey's answer is not valid")]
    Invalid,
    /// The relying party cannot be set up like this.
    #[error("passkeys cannot be used with this console address")]
    Configuration,
}

/// The console as WebAuthn sees it: `http://localhost:PORT`, exactly. Keeps the open challenges.
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
    /// For a console on this port. Passkeys stay valid when the port changes: they belong to `localhost`.
    ///
    /// # Errors
    /// None for a real port.
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

    /// Starts enrolling a passkey. Gives the argument of `navigator.credentials.create`, as JSON; enrols nothing yet.
    ///
    /// # Errors
    /// None in practice.
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

    /// Enrols a passkey, with the browser's answer as JSON. `enrolled` are the passkeys there are now.
    ///
    /// # Errors
    /// The answer is not to an open challenge, not from this console, without user verification, or not valid.
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

    /// Asks for a passkey for one decision. Gives the argument of `navigator.credentials.get`, as JSON.
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

    /// Checks the browser's answer, as JSON. The proof is for the decision the challenge was given out for.
    ///
    /// `enrolled` are the passkeys there are now: one removed since the question does not count.
    ///
    /// # Errors
    /// The answer is not to an open challenge, not from this console, without user verification, from a passkey that is
    /// not enrolled or whose counter went back, or not valid. The challenge is used up in each case.
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
    /// Its name.
    #[must_use]
    pub const fn id(&self) -> FactorId {
        self.id
    }

    /// What the person called it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// When it was enrolled.
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

/// What the browser says about the page. The library compares challenge, type and origin again, over the signed bytes.
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

    /// Which question this claims to answer.
    fn challenge(&self) -> Result<Vec<u8>, PasskeyError> {
        URL_SAFE_NO_PAD.decode(&self.challenge).map_err(|_| PasskeyError::Unreadable)
    }

    /// The console is never in a frame of another page. The library checks this for registrations only.
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
