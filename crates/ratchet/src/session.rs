//! The Double Ratchet, optionally with header encryption (sections 3 and 4 of the specification).
//!
//! A session is immutable: sending and reading return the next one. A message is used only after its tag is verified,
//! so a forged message costs work and leaves no trace.

use briefcase_types::Entropy;
use zeroize::Zeroizing;

use crate::{
    AgreementMode, AgreementPublic, AgreementSecret, IdentityCard, MAX_PLAINTEXT, MAX_SKIP, RatchetError, Step, kdf,
    kdf::{InitialKeys, SymmetricKey},
    message::{self, MessageHeader, ParsedMessage, SealedMessage},
    seal,
    skipped::SkippedKeys,
};

/// A session with one peer. Its bytes are secret: store them encrypted.
pub struct RatchetSession {
    pub(crate) about: SessionContext,
    pub(crate) root: SymmetricKey,
    pub(crate) ours: RatchetKeyPair,
    pub(crate) theirs: Option<AgreementPublic>,
    pub(crate) sending: Option<Chain>,
    pub(crate) receiving: Option<Chain>,
    pub(crate) next_sending_header: SymmetricKey,
    pub(crate) next_receiving_header: SymmetricKey,
    /// The length of the previous sending chain.
    pub(crate) previous: u32,
    /// The number of messages read so far.
    pub(crate) received: u64,
    pub(crate) skipped: SkippedKeys,
}

/// The parts of a session that never change.
#[derive(Clone)]
pub(crate) struct SessionContext {
    pub mode: AgreementMode,
    pub hidden: bool,
    pub initiator: bool,
    pub peer: IdentityCard,
    /// A digest of both identities, the mode and every public key of the agreement.
    pub associated: [u8; 32],
    /// The agreement's digest, to recognize its repetitions in later messages.
    pub agreement_id: [u8; 32],
    /// The agreement, until the peer has answered.
    pub agreement: Option<Vec<u8>>,
}

/// A ratchet key and its public half, stored to avoid computing it for each message.
pub(crate) struct RatchetKeyPair {
    pub secret: AgreementSecret,
    pub public: AgreementPublic,
}

impl RatchetKeyPair {
    pub fn of(secret: AgreementSecret) -> Self {
        Self { public: secret.public(), secret }
    }
}

/// A chain of message keys.
pub(crate) struct Chain {
    pub key: SymmetricKey,
    pub number: u32,
    pub header: SymmetricKey,
}

impl Chain {
    const fn start(key: SymmetricKey, header: SymmetricKey) -> Self {
        Self { key, number: 0, header }
    }

    fn duplicate(&self) -> Self {
        Self { key: self.key.duplicate(), number: self.number, header: self.header.duplicate() }
    }

    /// Returns the key of the next message. The chain cannot step back.
    fn advance(&mut self) -> Result<SymmetricKey, RatchetError> {
        let (next, message) = kdf::chain(&self.key);
        self.number = self.number.checked_add(1).ok_or(RatchetError::Exhausted("the chain is at its end"))?;
        self.key = next;
        Ok(message)
    }
}

/// The place of an incoming message.
enum ChainPosition {
    Stored(SymmetricKey, u32),
    Current(MessageHeader),
    Turn(MessageHeader),
}

const NOT_READY: RatchetError = RatchetError::Exhausted("the session must read a message before it can send");
const FORGED: RatchetError = RatchetError::Forged("the message");

impl RatchetSession {
    pub(crate) fn initiator(
        about: SessionContext,
        keys: InitialKeys,
        signed_prekey: AgreementPublic,
        entropy: &dyn Entropy,
    ) -> Result<Self, RatchetError> {
        let ours = RatchetKeyPair::of(AgreementSecret::generate(entropy));
        let [root, chain, next] = kdf::root(&keys.root, &ours.secret.agree(&signed_prekey)?);
        Ok(Self {
            about,
            root,
            ours,
            theirs: Some(signed_prekey),
            sending: Some(Chain::start(chain, keys.header_a)),
            receiving: None,
            next_sending_header: next,
            next_receiving_header: keys.next_header_b,
            previous: 0,
            received: 0,
            skipped: SkippedKeys::default(),
        })
    }

    pub(crate) fn responder(about: SessionContext, keys: InitialKeys, signed_prekey: AgreementSecret) -> Self {
        Self {
            about,
            root: keys.root,
            ours: RatchetKeyPair::of(signed_prekey),
            theirs: None,
            sending: None,
            receiving: None,
            next_sending_header: keys.next_header_b,
            next_receiving_header: keys.header_a,
            previous: 0,
            received: 0,
            skipped: SkippedKeys::default(),
        }
    }

    /// The peer's identity. Comparing safety numbers links it to a person.
    #[must_use]
    pub const fn peer(&self) -> &IdentityCard {
        &self.about.peer
    }

    /// The agreement mode.
    #[must_use]
    pub const fn mode(&self) -> AgreementMode {
        self.about.mode
    }

    /// Whether headers are encrypted.
    #[must_use]
    pub const fn hides_headers(&self) -> bool {
        self.about.hidden
    }

    /// Whether the peer has answered. Until then, each message carries the agreement.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.about.agreement.is_none()
    }

    /// Encrypts a message. The same `associated` data is needed to decrypt it.
    ///
    /// # Errors
    /// [`RatchetError::Exhausted`] when the text is longer than [`MAX_PLAINTEXT`] or the chain has ended.
    pub fn encrypt(
        &self,
        plaintext: &[u8],
        associated: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Step<Self, Vec<u8>>, RatchetError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(RatchetError::Exhausted("the text is longer than the limit of a message"));
        }
        let mut next = self.duplicate();
        let chain = next.sending.as_mut().ok_or(NOT_READY)?;
        let header = MessageHeader { ratchet: next.ours.public, previous: next.previous, number: chain.number };
        let key = chain.advance()?;
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let header = if self.about.hidden {
            seal::header(&chain.header, &header.to_bytes(), &self.about.associated, entropy)?
        } else {
            header.to_bytes()
        };
        let unsealed = SealedMessage { hidden: self.about.hidden, salt, header: &header, body: &[] };
        let body = seal::body(&key, &salt, plaintext, &unsealed.associated(&self.about.associated, associated))?;
        let message = SealedMessage { body: &body, ..unsealed }.to_bytes();
        let message = match &self.about.agreement {
            Some(agreement) => message::first(agreement, &message),
            None => message,
        };
        Ok(Step::new(next, message))
    }

    /// Decrypts a message. Messages may arrive in any order.
    ///
    /// # Errors
    /// [`RatchetError::Replayed`], [`RatchetError::Forged`], [`RatchetError::TooFarAhead`],
    /// [`RatchetError::OtherSession`] or [`RatchetError::Malformed`]. On an error nothing has changed.
    pub fn decrypt(
        &self,
        message: &[u8],
        associated: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Step<Self, Zeroizing<Vec<u8>>>, RatchetError> {
        let sealed = match ParsedMessage::read(message)? {
            ParsedMessage::Later(sealed) => sealed,
            ParsedMessage::First(agreement, sealed) => {
                if self.about.initiator || agreement.digest() != self.about.agreement_id {
                    return Err(RatchetError::OtherSession);
                }
                sealed
            }
        };
        self.open(sealed, associated, entropy)
    }

    pub(crate) fn open(
        &self,
        sealed: SealedMessage<'_>,
        associated: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Step<Self, Zeroizing<Vec<u8>>>, RatchetError> {
        if sealed.hidden != self.about.hidden {
            return Err(RatchetError::OtherSession);
        }
        let mut next = self.duplicate();
        let key = match self.place(&sealed)? {
            ChainPosition::Stored(chain, number) => {
                next.skipped.take(chain.as_bytes(), number).ok_or(RatchetError::Replayed)?
            }
            ChainPosition::Current(header) => next.reach(header.number)?,
            ChainPosition::Turn(header) => {
                next.skip_to(header.previous)?;
                next.turn(&header, entropy)?;
                next.reach(header.number)?
            }
        };
        let bound = sealed.associated(&self.about.associated, associated);
        let plaintext = seal::open_body(&key, &sealed.salt, sealed.body, &bound)?;
        next.about.agreement = None;
        next.received = next.received.saturating_add(1);
        next.skipped.forget(next.received);
        Ok(Step::new(next, plaintext))
    }

    fn place(&self, sealed: &SealedMessage<'_>) -> Result<ChainPosition, RatchetError> {
        if self.about.hidden {
            return self.hidden_place(sealed);
        }
        let header = MessageHeader::read(sealed.header)?;
        let chain = header.ratchet.as_bytes();
        if self.skipped.has(chain, header.number) {
            return Ok(ChainPosition::Stored(SymmetricKey::new(*chain), header.number));
        }
        match &self.receiving {
            Some(receiving) if self.theirs == Some(header.ratchet) => current(receiving, header),
            _ => Ok(ChainPosition::Turn(header)),
        }
    }

    fn hidden_place(&self, sealed: &SealedMessage<'_>) -> Result<ChainPosition, RatchetError> {
        let open = |key: &SymmetricKey| seal::open_header(key, sealed.header, &self.about.associated);
        let mut known = false;
        for chain in self.skipped.chains() {
            let Some(header) = open(chain) else { continue };
            let number = MessageHeader::read(&header)?.number;
            if self.skipped.has(chain.as_bytes(), number) {
                return Ok(ChainPosition::Stored(chain.duplicate(), number));
            }
            known = true;
            break;
        }
        if let Some(receiving) = &self.receiving
            && let Some(header) = open(&receiving.header)
        {
            return current(receiving, MessageHeader::read(&header)?);
        }
        match open(&self.next_receiving_header) {
            Some(header) => Ok(ChainPosition::Turn(MessageHeader::read(&header)?)),
            None if known => Err(RatchetError::Replayed),
            None => Err(FORGED),
        }
    }

    /// Starts a new receiving chain from the peer's new key, and a new sending chain from a new own key.
    fn turn(&mut self, header: &MessageHeader, entropy: &dyn Entropy) -> Result<(), RatchetError> {
        let [root, receiving, next_receiving] = kdf::root(&self.root, &self.ours.secret.agree(&header.ratchet)?);
        let ours = RatchetKeyPair::of(AgreementSecret::generate(entropy));
        let [root, sending, next_sending] = kdf::root(&root, &ours.secret.agree(&header.ratchet)?);
        self.previous = self.sending.as_ref().map_or(0, |chain| chain.number);
        let receiving_header = std::mem::replace(&mut self.next_receiving_header, next_receiving);
        let sending_header = std::mem::replace(&mut self.next_sending_header, next_sending);
        self.receiving = Some(Chain::start(receiving, receiving_header));
        self.sending = Some(Chain::start(sending, sending_header));
        self.root = root;
        self.ours = ours;
        self.theirs = Some(header.ratchet);
        Ok(())
    }

    /// Returns the key of message `number` of the receiving chain. Skipped keys are stored.
    fn reach(&mut self, number: u32) -> Result<SymmetricKey, RatchetError> {
        self.skip_to(number)?;
        self.receiving.as_mut().ok_or(FORGED)?.advance()
    }

    fn skip_to(&mut self, until: u32) -> Result<(), RatchetError> {
        let Some(chain) = self.receiving.as_mut() else { return Ok(()) };
        if until.saturating_sub(chain.number) > MAX_SKIP {
            return Err(RatchetError::TooFarAhead);
        }
        let name = match self.theirs {
            Some(theirs) if !self.about.hidden => *theirs.as_bytes(),
            _ => *chain.header.as_bytes(),
        };
        while chain.number < until {
            let number = chain.number;
            let key = chain.advance()?;
            self.skipped.put(&name, number, self.received, key);
        }
        Ok(())
    }

    fn duplicate(&self) -> Self {
        Self {
            about: self.about.clone(),
            root: self.root.duplicate(),
            ours: RatchetKeyPair { secret: self.ours.secret.duplicate(), public: self.ours.public },
            theirs: self.theirs,
            sending: self.sending.as_ref().map(Chain::duplicate),
            receiving: self.receiving.as_ref().map(Chain::duplicate),
            next_sending_header: self.next_sending_header.duplicate(),
            next_receiving_header: self.next_receiving_header.duplicate(),
            previous: self.previous,
            received: self.received,
            skipped: self.skipped.duplicate(),
        }
    }
}

const fn current(receiving: &Chain, header: MessageHeader) -> Result<ChainPosition, RatchetError> {
    if header.number < receiving.number { Err(RatchetError::Replayed) } else { Ok(ChainPosition::Current(header)) }
}
