//! The wire format of messages.
//!
//! ```text
//! message  = version(1) kind(1) rest
//! first    : kind 1, agreement, message            (until the peer has answered)
//! plain    : kind 2, salt(16), header(40), body
//! hidden   : kind 3, salt(16), sealed header(80), body
//! header   = ratchet key(32) previous chain's length(4) number(4)
//! agreement= mode(1) hidden(1) card(128) ephemeral(32) signed prekey id(4) one-time(1) [id(4)] [KEM ciphertext(1568)]
//! ```

use sha2::{Digest as _, Sha256};

use crate::{
    AgreementMode, AgreementPublic, IdentityCard, KEM_CIPHERTEXT, RatchetError,
    codec::{ByteReader, ByteWriter},
    identity::CARD_BYTES,
    seal,
};

/// The longest plaintext of a message.
pub const MAX_PLAINTEXT: usize = 1 << 20;

const VERSION: u8 = 1;
const FIRST: u8 = 1;
const PLAIN: u8 = 2;
const HIDDEN: u8 = 3;
const HEADER: usize = 40;
/// The longest agreement.
pub const AGREEMENT_MOST: usize = 2 + CARD_BYTES + 32 + 9 + KEM_CIPHERTEXT;
const BODY_MOST: usize = 2 + 16 + HEADER + seal::HEADER_OVERHEAD + MAX_PLAINTEXT + seal::BODY_OVERHEAD;
const WHAT: &str = "the message";

/// The initiator's part of the agreement.
#[derive(Clone, Debug)]
pub struct Agreement {
    pub mode: AgreementMode,
    pub hidden: bool,
    pub card: IdentityCard,
    pub ephemeral: AgreementPublic,
    pub signed: u32,
    pub one_time: Option<u32>,
    /// The KEM ciphertext, empty in X3DH.
    pub ciphertext: Vec<u8>,
}

impl Agreement {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = ByteWriter::with_capacity(AGREEMENT_MOST);
        writer.byte(self.mode.code()).flag(self.hidden);
        self.card.write(&mut writer);
        writer.put(self.ephemeral.as_bytes()).u32(self.signed).flag(self.one_time.is_some());
        if let Some(id) = self.one_time {
            writer.u32(id);
        }
        writer.put(&self.ciphertext);
        writer.public()
    }

    fn read(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        let mode = AgreementMode::from_code(reader.byte()?).ok_or(reader.wrong())?;
        let hidden = reader.flag()?;
        let card = IdentityCard::read_unchecked(reader)?;
        let ephemeral = AgreementPublic::from_bytes(reader.array()?);
        let signed = reader.u32()?;
        let one_time = if reader.flag()? { Some(reader.u32()?) } else { None };
        let ciphertext = reader.take(if mode == AgreementMode::Pqxdh { KEM_CIPHERTEXT } else { 0 })?.to_vec();
        Ok(Self { mode, hidden, card, ephemeral, signed, one_time, ciphertext })
    }

    /// The agreement's digest, which identifies it on both sides.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }
}

/// A parsed incoming message. The agreement's card is not verified yet.
pub enum ParsedMessage<'a> {
    First(Box<Agreement>, SealedMessage<'a>),
    Later(SealedMessage<'a>),
}

impl<'a> ParsedMessage<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, RatchetError> {
        let mut reader = ByteReader::new(bytes, WHAT);
        if bytes.len() > 2 + AGREEMENT_MOST + BODY_MOST || reader.byte()? != VERSION {
            return Err(reader.wrong());
        }
        if reader.byte()? != FIRST {
            return Ok(Self::Later(SealedMessage::read(bytes)?));
        }
        let agreement = Agreement::read(&mut reader)?;
        Ok(Self::First(Box::new(agreement), SealedMessage::read(reader.rest())?))
    }
}

/// An encrypted message without its agreement.
#[derive(Clone, Copy)]
pub struct SealedMessage<'a> {
    pub hidden: bool,
    pub salt: [u8; 16],
    pub header: &'a [u8],
    pub body: &'a [u8],
}

impl<'a> SealedMessage<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, RatchetError> {
        let mut reader = ByteReader::new(bytes, WHAT);
        let version = reader.byte()?;
        let kind = reader.byte()?;
        if version != VERSION || !matches!(kind, PLAIN | HIDDEN) || bytes.len() > BODY_MOST {
            return Err(reader.wrong());
        }
        let hidden = kind == HIDDEN;
        let salt = reader.array()?;
        let header = reader.take(if hidden { HEADER + seal::HEADER_OVERHEAD } else { HEADER })?;
        Ok(Self { hidden, salt, header, body: reader.rest() })
    }

    pub fn to_bytes(self) -> Vec<u8> {
        [&[VERSION, self.kind()], self.salt.as_slice(), self.header, self.body].concat()
    }

    /// The associated data of the body. Each part has a length that the parts before it determine.
    pub fn associated(&self, session: &[u8; 32], caller: &[u8]) -> Vec<u8> {
        [session.as_slice(), &[VERSION, self.kind()], &self.salt, self.header, caller].concat()
    }

    const fn kind(&self) -> u8 {
        if self.hidden { HIDDEN } else { PLAIN }
    }
}

/// Prepends the agreement to a message.
pub fn first(agreement: &[u8], message: &[u8]) -> Vec<u8> {
    [&[VERSION, FIRST], agreement, message].concat()
}

/// A message's place in its chain.
#[derive(Clone, Copy)]
pub struct MessageHeader {
    pub ratchet: AgreementPublic,
    pub previous: u32,
    pub number: u32,
}

impl MessageHeader {
    pub fn to_bytes(self) -> Vec<u8> {
        let mut writer = ByteWriter::with_capacity(HEADER);
        writer.put(self.ratchet.as_bytes()).u32(self.previous).u32(self.number);
        writer.public()
    }

    pub fn read(bytes: &[u8]) -> Result<Self, RatchetError> {
        let mut reader = ByteReader::new(bytes, WHAT);
        let header = Self {
            ratchet: AgreementPublic::from_bytes(reader.array()?),
            previous: reader.u32()?,
            number: reader.u32()?,
        };
        reader.end()?;
        Ok(header)
    }
}
