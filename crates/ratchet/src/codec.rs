//! Reads and writes fixed binary layouts. Every length is checked before use, and left-over bytes are an error.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::RatchetError;

const TRAILER: usize = 16;

/// Writes into one buffer of known size, so that growing it leaves no copy of a secret behind.
pub struct ByteWriter(Zeroizing<Vec<u8>>);

impl ByteWriter {
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.put(&[byte])
    }

    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.byte(u8::from(flag))
    }

    pub fn u32(&mut self, number: u32) -> &mut Self {
        self.put(&number.to_be_bytes())
    }

    pub fn u64(&mut self, number: u64) -> &mut Self {
        self.put(&number.to_be_bytes())
    }

    /// Writes a count, or the length before bytes. Callers keep both far below 2³².
    pub fn count(&mut self, count: usize) -> &mut Self {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub fn long(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).put(bytes)
    }

    /// Ends a stored state with a checksum. It detects accidents; the caller's encryption protects against forgery.
    pub fn sealed(mut self, label: &str) -> Zeroizing<Vec<u8>> {
        let sum = checksum(label, &self.0);
        self.put(&sum);
        self.0
    }

    pub fn public(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

fn checksum(label: &str, body: &[u8]) -> [u8; TRAILER] {
    let digest: [u8; 32] = Sha256::new().chain_update(label).chain_update([0]).chain_update(body).finalize().into();
    let [sum @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
    sum
}

/// Reads from the front of a buffer.
pub struct ByteReader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> ByteReader<'a> {
    /// Makes a reader. `what` names the document in errors.
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// Opens a stored state: verifies the checksum and the version in the first byte.
    pub fn kept(bytes: &'a [u8], label: &'static str, version: u8) -> Result<Self, RatchetError> {
        let (body, sum) = bytes.split_last_chunk::<TRAILER>().ok_or(RatchetError::StateCorrupt)?;
        if checksum(label, body) != *sum {
            return Err(RatchetError::StateCorrupt);
        }
        let mut reader = Self::new(body, label);
        if reader.byte()? == version { Ok(reader) } else { Err(RatchetError::StateCorrupt) }
    }

    pub const fn wrong(&self) -> RatchetError {
        RatchetError::Malformed(self.what)
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], RatchetError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(self.wrong())?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RatchetError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(self.wrong())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, RatchetError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub fn flag(&mut self) -> Result<bool, RatchetError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong()),
        }
    }

    pub fn u32(&mut self) -> Result<u32, RatchetError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, RatchetError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Reads a count of at most `most`.
    pub fn count(&mut self, most: usize) -> Result<usize, RatchetError> {
        let count = usize::try_from(self.u32()?).map_err(|_| self.wrong())?;
        if count > most { Err(self.wrong()) } else { Ok(count) }
    }

    pub fn long(&mut self, most: usize) -> Result<&'a [u8], RatchetError> {
        let length = self.count(most)?;
        self.take(length)
    }

    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub const fn end(self) -> Result<(), RatchetError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong()) }
    }
}
