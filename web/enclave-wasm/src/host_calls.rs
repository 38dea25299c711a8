//! Operations with keys that WebCrypto holds: the one place where a future waits.
//!
//! An operation leaves its question in the host_calls and is pending; the executor gives the question out, puts the answer
//! in, and polls again.

use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll};

use briefcase_ratchet::{AgreementPublic, Dh, HolderError, Kem, KemShared, RatchetError, SharedSecret, Sign};
use zeroize::Zeroizing;

use crate::codec::{Fields, Message};

/// Where question and answer lie.
#[derive(Default)]
pub struct HostCalls(RefCell<Slot>);

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Asked(Zeroizing<Vec<u8>>),
    /// Without bytes when the holder could not do it.
    Answered(Option<Zeroizing<Vec<u8>>>),
}

impl HostCalls {
    /// The question, if one was asked.
    pub fn question(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self.0.take() {
            Slot::Asked(question) => Some(question),
            other => {
                self.0.replace(other);
                None
            }
        }
    }

    /// The answer: one field, or no field at all when there is none.
    pub fn answer(&self, message: &[u8]) {
        let mut fields = Fields::read(message).ok();
        let answer = fields.as_mut().and_then(|fields| fields.bytes().ok());
        self.0.replace(Slot::Answered(answer.map(|bytes| Zeroizing::new(bytes.to_vec()))));
    }

    /// Forgets what an operation that is no longer there left behind.
    pub fn clear(&self) {
        self.0.take();
    }

    async fn ask<const N: usize>(
        &self,
        kind: &str,
        key: &str,
        input: &[u8],
    ) -> Result<Zeroizing<[u8; N]>, RatchetError> {
        self.0.replace(Slot::Asked(Message::of(kind).and(key).and(input).to_bytes()));
        let answer = poll_fn(|_| match self.0.take() {
            Slot::Answered(answer) => Poll::Ready(answer),
            other => {
                self.0.replace(other);
                Poll::Pending
            }
        });
        let answer = answer.await.ok_or(HolderError::Refused)?;
        let mut bytes = Zeroizing::new([0; N]);
        if answer.len() != N {
            return Err(HolderError::WrongAnswer.into());
        }
        bytes.copy_from_slice(&answer);
        Ok(bytes)
    }
}

/// Keys by the names the worker gave them.
pub struct HostKeys {
    pub host_calls: Rc<HostCalls>,
    pub signing: String,
    pub agreement: String,
}

impl Dh for HostKeys {
    async fn agree(&self, peer: &AgreementPublic) -> Result<SharedSecret, RatchetError> {
        SharedSecret::from_bytes(*self.host_calls.ask("dh", &self.agreement, peer.as_bytes()).await?)
    }
}

impl Kem for HostKeys {
    async fn decapsulate(&self, key: &str, ciphertext: &[u8]) -> Result<KemShared, RatchetError> {
        Ok(KemShared::from_bytes(*self.host_calls.ask("decapsulate", key, ciphertext).await?))
    }
}

impl Sign for HostKeys {
    async fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], RatchetError> {
        Ok(*self.host_calls.ask("sign", &self.signing, bytes).await?)
    }
}
