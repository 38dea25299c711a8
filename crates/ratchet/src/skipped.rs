//! Keys of messages that have not arrived yet. Three limits keep a peer from filling the store or keeping old keys in
//! it.

use crate::{
    RatchetError,
    codec::{ByteReader, ByteWriter},
    kdf::SymmetricKey,
};

/// The maximum number of missing messages before one that is read.
pub const MAX_SKIP: u32 = 1000;
/// The maximum number of stored keys. The oldest are removed first.
pub const MAX_STORED: usize = 2000;
/// The number of later messages after which a skipped key is erased.
pub const MAX_AGE: u64 = 5000;

const ENTRY_BYTES: usize = 32 + 4 + 8 + 32;

/// The skipped keys, oldest first.
#[derive(Default)]
pub struct SkippedKeys(Vec<SkippedEntry>);

struct SkippedEntry {
    /// The header key of the chain, or the peer's ratchet key without header encryption.
    chain: SymmetricKey,
    number: u32,
    /// The number of messages read when this key was skipped.
    born: u64,
    key: SymmetricKey,
}

impl SkippedKeys {
    pub fn put(&mut self, chain: &[u8; 32], number: u32, born: u64, key: SymmetricKey) {
        self.0.push(SkippedEntry { chain: SymmetricKey::new(*chain), number, born, key });
        if self.0.len() > MAX_STORED {
            self.0.remove(0);
        }
    }

    /// Removes and returns a key: each key opens one message.
    pub fn take(&mut self, chain: &[u8; 32], number: u32) -> Option<SymmetricKey> {
        let at = self.0.iter().position(|entry| entry.chain.as_bytes() == chain && entry.number == number)?;
        Some(self.0.remove(at).key)
    }

    pub fn has(&self, chain: &[u8; 32], number: u32) -> bool {
        self.0.iter().any(|entry| entry.chain.as_bytes() == chain && entry.number == number)
    }

    /// Each chain once. The keys of a chain are adjacent.
    pub fn chains(&self) -> Vec<&SymmetricKey> {
        let mut chains: Vec<&SymmetricKey> = self.0.iter().map(|entry| &entry.chain).collect();
        chains.dedup_by(|one, other| one.as_bytes() == other.as_bytes());
        chains
    }

    pub fn forget(&mut self, received: u64) {
        self.0.retain(|entry| received.saturating_sub(entry.born) <= MAX_AGE);
    }

    pub fn duplicate(&self) -> Self {
        let copy = |entry: &SkippedEntry| SkippedEntry {
            chain: entry.chain.duplicate(),
            number: entry.number,
            born: entry.born,
            key: entry.key.duplicate(),
        };
        Self(self.0.iter().map(copy).collect())
    }

    pub const fn bytes(&self) -> usize {
        4 + self.0.len() * ENTRY_BYTES
    }

    pub fn write(&self, writer: &mut ByteWriter) {
        writer.count(self.0.len());
        for entry in &self.0 {
            writer.put(entry.chain.as_bytes()).u32(entry.number).u64(entry.born).put(entry.key.as_bytes());
        }
    }

    pub fn read(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        let mut entries = Vec::new();
        for _ in 0..reader.count(MAX_STORED)? {
            entries.push(SkippedEntry {
                chain: SymmetricKey::new(reader.array()?),
                number: reader.u32()?,
                born: reader.u64()?,
                key: SymmetricKey::new(reader.array()?),
            });
        }
        Ok(Self(entries))
    }
}
