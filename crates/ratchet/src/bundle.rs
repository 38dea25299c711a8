//! Prekey bundles. One party publishes them so that another can start a session while the first is offline.

use crate::{
    AgreementPublic, HolderError, IdentityCard, KEM_PUBLIC, KemPublic, LocalIdentity, RatchetError, Sign,
    codec::{ByteReader, ByteWriter},
    identity::CARD_BYTES,
};

const LABEL: &[u8] = b"Briefcase_PrekeyBundle_1\0";
const VERSION: u8 = 1;
const WHAT: &str = "the prekey bundle";

/// A bundle with verified signatures. There is no other way to make this type.
#[derive(Clone, Debug)]
pub struct PrekeyBundle {
    pub(crate) content: BundleContent,
    signature: [u8; 64],
}

/// The signed content of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct BundleContent {
    pub card: IdentityCard,
    pub signed: (u32, AgreementPublic),
    /// The one-time keys' id and curve key. The KEM key below shares the id. Without one-time keys, the KEM key is the
    /// last resort.
    pub one_time: Option<(u32, AgreementPublic)>,
    pub kem: KemPublic,
}

impl BundleContent {
    fn bytes(&self) -> Vec<u8> {
        let mut writer = ByteWriter::with_capacity(PrekeyBundle::MOST);
        writer.byte(VERSION);
        self.card.write(&mut writer);
        writer.u32(self.signed.0).put(self.signed.1.as_bytes()).flag(self.one_time.is_some());
        if let Some((id, key)) = &self.one_time {
            writer.u32(*id).put(key.as_bytes());
        }
        writer.put(&self.kem.to_bytes());
        writer.public()
    }

    fn read(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        if reader.byte()? != VERSION {
            return Err(reader.wrong());
        }
        let card = IdentityCard::read_unchecked(reader)?;
        let signed = (reader.u32()?, AgreementPublic::from_bytes(reader.array()?));
        let one_time = match reader.flag()? {
            true => Some((reader.u32()?, AgreementPublic::from_bytes(reader.array()?))),
            false => None,
        };
        Ok(Self { card, signed, one_time, kem: KemPublic::from_bytes(reader.take(KEM_PUBLIC)?)? })
    }
}

impl PrekeyBundle {
    /// The longest bundle.
    pub(crate) const MOST: usize = 2 + CARD_BYTES + 36 + 36 + KEM_PUBLIC + 64;

    /// Reads a bundle and verifies its signatures.
    ///
    /// # Errors
    /// [`RatchetError::Malformed`] or [`RatchetError::Forged`].
    pub fn verify(bytes: &[u8]) -> Result<Self, RatchetError> {
        let bundle = Self::read_unchecked(bytes)?;
        bundle.card().check()?;
        let statement = [LABEL, &bundle.content.bytes()].concat();
        bundle.card().signing().verify(&statement, &bundle.signature, WHAT)?;
        Ok(bundle)
    }

    /// Reads a bundle from a stored state. Only this crate writes the state, and its checksum was verified.
    pub(crate) fn read_unchecked(bytes: &[u8]) -> Result<Self, RatchetError> {
        let (body, signature) = bytes.split_last_chunk::<64>().ok_or(RatchetError::Malformed(WHAT))?;
        let mut reader = ByteReader::new(body, WHAT);
        let content = BundleContent::read(&mut reader)?;
        reader.end()?;
        Ok(Self { content, signature: *signature })
    }

    /// Has the key holder sign a bundle, and verifies the signature.
    pub(crate) async fn make<H: Sign>(
        content: BundleContent,
        identity: &LocalIdentity<H>,
    ) -> Result<Self, RatchetError> {
        let statement = [LABEL, &content.bytes()].concat();
        let signature = identity.holder().sign(&statement).await?;
        content.card.signing().verify(&statement, &signature, WHAT).map_err(|_| HolderError::WrongAnswer)?;
        Ok(Self { content, signature })
    }

    /// The bundle's bytes for publication.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.content.bytes().as_slice(), &self.signature].concat()
    }

    /// The publisher's identity.
    #[must_use]
    pub const fn card(&self) -> &IdentityCard {
        &self.content.card
    }

    /// Whether the bundle has one-time keys. A bundle without them is the last resort, for when no other bundle is
    /// left.
    #[must_use]
    pub const fn is_one_time(&self) -> bool {
        self.content.one_time.is_some()
    }
}
