//! The archive's body: chunks that are sealed in order, with an authenticated end.

use std::io::{Read, Write};

use zeroize::Zeroizing;

use crate::{VaultError, aead, key::VaultKey};

/// The bytes of plaintext in each chunk but the last.
pub(super) const CHUNK: usize = 64 * 1024;
/// The length of a sealed chunk without its nonce, which both sides count.
const SEALED: usize = CHUNK + aead::OVERHEAD - NONCE;
const NONCE: usize = 24;
const LABEL: &[u8] = b"briefcase/vault/1/backup-chunk";

pub(super) struct StreamWriter<'a> {
    out: &'a mut dyn Write,
    key: VaultKey,
    counter: u64,
    buffer: Zeroizing<Vec<u8>>,
}

pub(super) struct StreamReader<'a> {
    archive: &'a mut dyn Read,
    key: VaultKey,
    counter: u64,
    /// The sealed chunk after the one in `text`; empty at the end.
    ahead: Vec<u8>,
    text: Zeroizing<Vec<u8>>,
    used: usize,
    ended: bool,
}

/// Derives the key of the chunks, which is bound to the archive's header.
fn stream_key(archive: &VaultKey, header: &[u8]) -> Result<VaultKey, VaultError> {
    archive.derive(b"", "briefcase/vault/1/backup-stream", &[header])
}

/// Returns the nonce of counter and end mark. Each archive has a fresh key, so no nonce repeats.
fn nonce(counter: u64, last: bool) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    let bytes = counter.to_be_bytes().into_iter().chain([u8::from(last)]);
    nonce.iter_mut().skip(NONCE - 9).zip(bytes).for_each(|(to, from)| *to = from);
    nonce
}

impl<'a> StreamWriter<'a> {
    pub(super) fn new(out: &'a mut dyn Write, archive: &VaultKey, header: &[u8]) -> Result<Self, VaultError> {
        let buffer = Zeroizing::new(Vec::with_capacity(CHUNK));
        Ok(Self { out, key: stream_key(archive, header)?, counter: 0, buffer })
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), VaultError> {
        while !bytes.is_empty() {
            if self.buffer.len() == CHUNK {
                self.flush(false)?;
            }
            let room = CHUNK.saturating_sub(self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), VaultError> {
        self.flush(true)?;
        self.out.flush().map_err(VaultError::io("write the backup"))
    }

    fn flush(&mut self, last: bool) -> Result<(), VaultError> {
        let sealed = aead::seal_with(&self.key, &nonce(self.counter, last), LABEL, &self.buffer)?;
        let body = sealed.get(NONCE..).unwrap_or_default();
        self.out.write_all(body).map_err(VaultError::io("write the backup"))?;
        self.counter = self.counter.checked_add(1).ok_or(VaultError::TooLarge(usize::MAX))?;
        self.buffer.clear();
        Ok(())
    }
}

impl<'a> StreamReader<'a> {
    pub(super) fn new(archive: &'a mut dyn Read, key: &VaultKey, header: &[u8]) -> Result<Self, VaultError> {
        let key = stream_key(key, header)?;
        let text = Zeroizing::new(Vec::new());
        let mut stream = Self { archive, key, counter: 0, ahead: Vec::new(), text, used: 0, ended: false };
        stream.ahead = stream.sealed_chunk()?;
        Ok(stream)
    }

    /// Reads the next `out.len()` bytes.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<(), VaultError> {
        let length = u64::try_from(out.len()).unwrap_or(u64::MAX);
        self.copy(length, &mut &mut *out)
    }

    /// Copies the next `length` bytes, chunk by chunk.
    pub(super) fn copy(&mut self, mut length: u64, to: &mut dyn Write) -> Result<(), VaultError> {
        while length > 0 {
            if self.used == self.text.len() {
                self.next_chunk()?;
            }
            let rest = self.text.get(self.used..).unwrap_or_default();
            let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
            to.write_all(rest.get(..wanted).unwrap_or_default()).map_err(VaultError::io("write a restored file"))?;
            self.used = self.used.saturating_add(wanted);
            length = length.saturating_sub(u64::try_from(wanted).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Verifies that everything was read and nothing follows.
    pub(super) fn finish(&mut self) -> Result<(), VaultError> {
        if self.used == self.text.len() && !self.ended {
            self.next_chunk()?;
        }
        if self.ended && self.used == self.text.len() { Ok(()) } else { Err(VaultError::DoesNotOpen) }
    }

    fn next_chunk(&mut self) -> Result<(), VaultError> {
        if self.ended {
            return Err(VaultError::DoesNotOpen);
        }
        let following = self.sealed_chunk()?;
        let current = std::mem::replace(&mut self.ahead, following);
        self.ended = self.ahead.is_empty();
        let sealed = [nonce(self.counter, self.ended).as_slice(), &current].concat();
        self.text = aead::open(&self.key, LABEL, &sealed)?;
        self.used = 0;
        self.counter = self.counter.checked_add(1).ok_or(VaultError::DoesNotOpen)?;
        Ok(())
    }

    fn sealed_chunk(&mut self) -> Result<Vec<u8>, VaultError> {
        let mut sealed = Vec::with_capacity(SEALED);
        let most = u64::try_from(SEALED).unwrap_or(u64::MAX);
        (&mut *self.archive).take(most).read_to_end(&mut sealed).map_err(VaultError::io("read the backup"))?;
        Ok(sealed)
    }
}
