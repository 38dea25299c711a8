//! A session as bytes: versioned and bounded. Any unexpected byte rejects the whole state.

use zeroize::Zeroizing;

use crate::{
    AgreementMode, AgreementPublic, AgreementSecret, IdentityCard, RatchetError, RatchetSession,
    codec::{ByteReader, ByteWriter},
    kdf::SymmetricKey,
    message::AGREEMENT_MOST,
    session::{Chain, RatchetKeyPair, SessionContext},
    skipped::SkippedKeys,
};

const LABEL: &str = "Briefcase_Session";
const VERSION: u8 = 1;
/// The size of everything but the agreement and the skipped keys, rounded up.
const FIXED: usize = 768;

impl RatchetSession {
    /// The bytes to store encrypted. The checksum detects accidents; the encryption protects against forgery.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = ByteWriter::with_capacity(FIXED + AGREEMENT_MOST + self.skipped.bytes());
        writer.byte(VERSION);
        self.about.write(&mut writer);
        writer.put(self.root.as_bytes()).put(self.ours.secret.as_bytes()).put(self.ours.public.as_bytes());
        writer.flag(self.theirs.is_some());
        if let Some(theirs) = &self.theirs {
            writer.put(theirs.as_bytes());
        }
        write_chain(&mut writer, self.sending.as_ref());
        write_chain(&mut writer, self.receiving.as_ref());
        writer.put(self.next_sending_header.as_bytes()).put(self.next_receiving_header.as_bytes());
        writer.u32(self.previous).u64(self.received);
        self.skipped.write(&mut writer);
        writer.sealed(LABEL)
    }

    /// Reads the output of [`RatchetSession::to_bytes`].
    ///
    /// # Errors
    /// [`RatchetError::StateCorrupt`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RatchetError> {
        let mut reader = ByteReader::kept(bytes, LABEL, VERSION)?;
        let session = Self::read(&mut reader).map_err(|_| RatchetError::StateCorrupt)?;
        reader.end().map_err(|_| RatchetError::StateCorrupt)?;
        Ok(session)
    }

    fn read(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        let about = SessionContext::read(reader)?;
        let root = SymmetricKey::new(reader.array()?);
        let secret = AgreementSecret::from_bytes(&reader.array()?);
        let ours = RatchetKeyPair { secret, public: AgreementPublic::from_bytes(reader.array()?) };
        let theirs = if reader.flag()? { Some(AgreementPublic::from_bytes(reader.array()?)) } else { None };
        Ok(Self {
            about,
            root,
            ours,
            theirs,
            sending: read_chain(reader)?,
            receiving: read_chain(reader)?,
            next_sending_header: SymmetricKey::new(reader.array()?),
            next_receiving_header: SymmetricKey::new(reader.array()?),
            previous: reader.u32()?,
            received: reader.u64()?,
            skipped: SkippedKeys::read(reader)?,
        })
    }
}

impl SessionContext {
    fn write(&self, writer: &mut ByteWriter) {
        writer.byte(self.mode.code()).flag(self.hidden).flag(self.initiator);
        self.peer.write(writer);
        writer.put(&self.associated).put(&self.agreement_id);
        writer.long(self.agreement.as_deref().unwrap_or_default());
    }

    fn read(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        let mode = AgreementMode::from_code(reader.byte()?).ok_or(reader.wrong())?;
        let hidden = reader.flag()?;
        let initiator = reader.flag()?;
        let peer = IdentityCard::read_unchecked(reader)?;
        let associated = reader.array()?;
        let agreement_id = reader.array()?;
        let agreement = reader.long(AGREEMENT_MOST)?;
        let agreement = if agreement.is_empty() { None } else { Some(agreement.to_vec()) };
        Ok(Self { mode, hidden, initiator, peer, associated, agreement_id, agreement })
    }
}

fn write_chain(writer: &mut ByteWriter, chain: Option<&Chain>) {
    writer.flag(chain.is_some());
    if let Some(chain) = chain {
        writer.put(chain.key.as_bytes()).u32(chain.number).put(chain.header.as_bytes());
    }
}

fn read_chain(reader: &mut ByteReader<'_>) -> Result<Option<Chain>, RatchetError> {
    if !reader.flag()? {
        return Ok(None);
    }
    let key = SymmetricKey::new(reader.array()?);
    let number = reader.u32()?;
    Ok(Some(Chain { key, number, header: SymmetricKey::new(reader.array()?) }))
}
