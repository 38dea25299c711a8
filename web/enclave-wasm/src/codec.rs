//! The message encoding: a sequence of fields. A field is a length (`u32`, little endian) and that many bytes.

use briefcase_ratchet::RatchetError;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The length limit of a message.
const MAX_MESSAGE_BYTES: usize = 8 << 20;

/// Reads the fields of an incoming message in order.
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub fn read(message: &'a [u8]) -> Result<Self, Failure> {
        if message.len() > MAX_MESSAGE_BYTES { Err(malformed()) } else { Ok(Self(message)) }
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Failure> {
        let (length, rest) = self.0.split_first_chunk().ok_or_else(malformed)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| malformed())?;
        let (field, rest) = rest.split_at_checked(length).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(field)
    }

    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Failure> {
        self.bytes()?.try_into().map_err(|_| malformed())
    }

    pub fn text(&mut self) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes()?).map_err(|_| malformed())
    }

    pub fn number(&mut self) -> Result<u64, Failure> {
        Ok(u64::from_le_bytes(*self.array()?))
    }

    pub fn flag(&mut self) -> Result<bool, Failure> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(malformed()),
        }
    }

    pub fn rest(mut self) -> Result<Vec<&'a [u8]>, Failure> {
        let mut fields = Vec::new();
        while !self.is_empty() {
            fields.push(self.bytes()?);
        }
        Ok(fields)
    }

    pub fn end(self) -> Result<(), Failure> {
        if self.is_empty() { Ok(()) } else { Err(malformed()) }
    }
}

fn malformed() -> Failure {
    RatchetError::Malformed("a message of the host").into()
}

/// Builds an outgoing message.
#[derive(Default)]
pub struct MessageBuilder(Vec<Zeroizing<Vec<u8>>>);

impl MessageBuilder {
    pub fn of(field: impl Into<Vec<u8>>) -> Self {
        Self::default().and(field)
    }

    pub fn and(mut self, field: impl Into<Vec<u8>>) -> Self {
        self.0.push(Zeroizing::new(field.into()));
        self
    }

    pub fn secret(mut self, field: Zeroizing<Vec<u8>>) -> Self {
        self.0.push(field);
        self
    }

    pub fn number(self, number: u64) -> Self {
        self.and(number.to_le_bytes())
    }

    pub fn flag(self, flag: bool) -> Self {
        self.and([u8::from(flag)])
    }

    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let size = self.0.iter().map(|field| 4 + field.len()).sum();
        let mut message = Zeroizing::new(Vec::with_capacity(size));
        for field in &self.0 {
            let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
            message.extend_from_slice(&length.to_le_bytes());
            message.extend_from_slice(field);
        }
        message
    }
}
