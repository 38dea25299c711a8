//! The key agreement of both sides: X3DH (revision 1) and PQXDH (revision 3).

use briefcase_types::{Digest, Entropy};
use zeroize::Zeroizing;

use crate::{
    AgreementSecret, Dh, IdentityCard, Kem, KemShared, LocalIdentity, PrekeyBundle, Prekeys, RatchetError,
    RatchetSession, SharedSecret, Step,
    kdf::{self, InitialKeys},
    message::{Agreement, ParsedMessage},
    session::SessionContext,
};

/// The kind of key agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgreementMode {
    /// Diffie-Hellman with a KEM. A message recorded now stays confidential against a later quantum computer.
    Pqxdh,
    /// Diffie-Hellman without a KEM.
    X3dh,
}

impl AgreementMode {
    /// The mode's name as text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pqxdh => "pqxdh",
            Self::X3dh => "x3dh",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pqxdh => 1,
            Self::X3dh => 2,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Pqxdh),
            2 => Some(Self::X3dh),
            _ => None,
        }
    }

    const fn info(self) -> &'static [u8] {
        match self {
            Self::Pqxdh => b"Briefcase_PQXDH_CURVE25519_SHA-256_ML-KEM-1024",
            Self::X3dh => b"Briefcase_X3DH_CURVE25519_SHA-256",
        }
    }
}

/// The initiator's choices.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeOptions {
    /// The agreement mode. Choose PQXDH unless the peer cannot.
    pub mode: AgreementMode,
    /// Whether ratchet keys and counters are encrypted too.
    pub hide_headers: bool,
}

impl Default for HandshakeOptions {
    fn default() -> Self {
        Self { mode: AgreementMode::Pqxdh, hide_headers: false }
    }
}

/// The responder's rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponderPolicy {
    /// Whether a first message in X3DH is accepted.
    pub allow_x3dh: bool,
}

/// The state to store in one transaction after accepting a first message.
pub struct AcceptedSession {
    /// The prekeys, without the one-time prekey that was used.
    pub prekeys: Prekeys,
    /// The session.
    pub session: RatchetSession,
}

/// The shared results of both sides, in the order of the specification.
struct HandshakeSecrets {
    dh: Vec<SharedSecret>,
    kem: Option<KemShared>,
}

impl HandshakeSecrets {
    fn derive(&self, mode: AgreementMode) -> InitialKeys {
        let mut material = Zeroizing::new(Vec::with_capacity(5 * 32));
        for secret in &self.dh {
            material.extend_from_slice(secret.as_bytes());
        }
        if let Some(kem) = &self.kem {
            kem.expose(|secret| material.extend_from_slice(secret));
        }
        kdf::agreement(&material, mode.info())
    }
}

/// Starts a session with the publisher of a bundle. [`RatchetSession::encrypt`] makes the first message.
///
/// # Errors
/// [`RatchetError::NoContribution`] when a key of the bundle has small order, or the error of the key's holder.
pub async fn initiate<H: Dh>(
    identity: &LocalIdentity<H>,
    bundle: &PrekeyBundle,
    options: HandshakeOptions,
    entropy: &dyn Entropy,
) -> Result<RatchetSession, RatchetError> {
    let theirs = &bundle.content;
    let ephemeral = AgreementSecret::generate(entropy);
    let mut dh = vec![
        identity.holder().agree(&theirs.signed.1).await?,
        ephemeral.agree(&theirs.card.agreement())?,
        ephemeral.agree(&theirs.signed.1)?,
    ];
    if let Some((_, one_time)) = &theirs.one_time {
        dh.push(ephemeral.agree(one_time)?);
    }
    let (ciphertext, kem) = match options.mode {
        AgreementMode::Pqxdh => {
            let (ciphertext, shared) = theirs.kem.encapsulate(entropy);
            (ciphertext, Some(shared))
        }
        AgreementMode::X3dh => (Vec::new(), None),
    };
    let agreement = Agreement {
        mode: options.mode,
        hidden: options.hide_headers,
        card: identity.card().clone(),
        ephemeral: ephemeral.public(),
        signed: theirs.signed.0,
        one_time: theirs.one_time.map(|(id, _)| id),
        ciphertext,
    };
    let one_time = theirs.one_time.map(|(_, key)| *key.as_bytes());
    let kem_public = kem.as_ref().map(|_| theirs.kem.to_bytes());
    let public = ResponderKeys { signed: theirs.signed.1.as_bytes(), one_time, kem: kem_public };
    let about = SessionContext {
        initiator: true,
        agreement: Some(agreement.to_bytes()),
        ..about(&agreement, theirs.card.clone(), &theirs.card, &public)
    };
    RatchetSession::initiator(about, HandshakeSecrets { dh, kem }.derive(options.mode), theirs.signed.1, entropy)
}

/// Accepts a first message. Returns the session, the prekeys without the used one, and the first plaintext.
///
/// # Errors
/// [`RatchetError::UnknownPrekey`], [`RatchetError::Replayed`], [`RatchetError::ModeRefused`], [`RatchetError::Forged`]
/// and others. On an error the prekeys are unchanged.
pub async fn accept<H: Dh + Kem>(
    identity: &LocalIdentity<H>,
    prekeys: &Prekeys,
    message: &[u8],
    associated: &[u8],
    policy: ResponderPolicy,
    entropy: &dyn Entropy,
) -> Result<Step<AcceptedSession, Zeroizing<Vec<u8>>>, RatchetError> {
    let ParsedMessage::First(agreement, sealed) = ParsedMessage::read(message)? else {
        return Err(RatchetError::OtherSession);
    };
    if agreement.mode == AgreementMode::X3dh && !policy.allow_x3dh {
        return Err(RatchetError::ModeRefused);
    }
    agreement.card.check()?;
    let found = prekeys.find(&agreement)?;
    let mut dh = vec![
        found.signed.agree(&agreement.card.agreement())?,
        identity.holder().agree(&agreement.ephemeral).await?,
        found.signed.agree(&agreement.ephemeral)?,
    ];
    if let Some(one_time) = found.one_time {
        dh.push(one_time.agree(&agreement.ephemeral)?);
    }
    let (kem_public, kem) = match agreement.mode {
        AgreementMode::Pqxdh => {
            let (public, shared) = found.decapsulate(identity.holder(), &agreement.ciphertext).await?;
            (Some(public), Some(shared))
        }
        AgreementMode::X3dh => (None, None),
    };
    let signed = found.signed.public();
    let one_time = found.one_time.map(|key| *key.public().as_bytes());
    let public = ResponderKeys { signed: signed.as_bytes(), one_time, kem: kem_public };
    let about = about(&agreement, agreement.card.clone(), identity.card(), &public);
    let secrets = HandshakeSecrets { dh, kem }.derive(agreement.mode);
    let session = RatchetSession::responder(about, secrets, found.signed.duplicate());
    let (session, plaintext) = session.open(sealed, associated, entropy)?.into_parts();
    Ok(Step::new(AcceptedSession { prekeys: prekeys.without(&agreement)?, session }, plaintext))
}

/// The responder's public keys in this agreement.
struct ResponderKeys<'a> {
    signed: &'a [u8; 32],
    one_time: Option<[u8; 32]>,
    kem: Option<Vec<u8>>,
}

/// Computes the agreement's data that both sides store, from the responder's side.
fn about(
    agreement: &Agreement,
    peer: IdentityCard,
    responder: &IdentityCard,
    public: &ResponderKeys<'_>,
) -> SessionContext {
    let one_time: &[u8] = public.one_time.as_ref().map_or(&[], |key| key);
    let kem = public.kem.as_deref().unwrap_or_default();
    let said = agreement.to_bytes();
    let parts = [said.as_slice(), &responder.to_bytes(), public.signed, one_time, kem];
    SessionContext {
        mode: agreement.mode,
        hidden: agreement.hidden,
        initiator: false,
        peer,
        associated: *Digest::labelled("briefcase/ratchet/agreement/1", &parts).as_bytes(),
        agreement_id: agreement.digest(),
        agreement: None,
    }
}
