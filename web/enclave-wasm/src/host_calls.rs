//! Host calls: operations with keys that WebCrypto holds. A future waits only here.
//!
//! An operation stores its request here and is pending. The executor takes the request out, puts the response in, and
//! polls again.

use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll};

use briefcase_ratchet::{AgreementPublic, Dh, HolderError, Kem, KemShared, RatchetError, SharedSecret, Sign};
use zeroize::Zeroizing;

use crate::codec::{Fields, MessageBuilder};

/// The request and the response of one host call.
#[derive(Default)]
pub struct HostCalls(RefCell<CallState>);

#[derive(Default)]
enum CallState {
    #[default]
    Idle,
    Requested(Zeroizing<Vec<u8>>),
    /// Empty if the host could not perform the call.
    Completed(Option<Zeroizing<Vec<u8>>>),
}

impl HostCalls {
    /// Takes the request, if the operation made one.
    pub fn take_request(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self.0.take() {
            CallState::Requested(request) => Some(request),
            other => {
                self.0.replace(other);
                None
            }
        }
    }

    /// Stores the response: one field, or no field if the call failed.
    pub fn set_response(&self, message: &[u8]) {
        let mut fields = Fields::read(message).ok();
        let response = fields.as_mut().and_then(|fields| fields.bytes().ok());
        self.0.replace(CallState::Completed(response.map(|bytes| Zeroizing::new(bytes.to_vec()))));
    }

    /// Removes the request or response of a dropped operation.
    pub fn clear(&self) {
        self.0.take();
    }

    async fn call<const N: usize>(
        &self,
        kind: &str,
        key: &str,
        input: &[u8],
    ) -> Result<Zeroizing<[u8; N]>, RatchetError> {
        self.0.replace(CallState::Requested(MessageBuilder::of(kind).and(key).and(input).to_bytes()));
        let response = poll_fn(|_| match self.0.take() {
            CallState::Completed(response) => Poll::Ready(response),
            other => {
                self.0.replace(other);
                Poll::Pending
            }
        });
        let response = response.await.ok_or(HolderError::Refused)?;
        let mut bytes = Zeroizing::new([0; N]);
        if response.len() != N {
            return Err(HolderError::WrongAnswer.into());
        }
        bytes.copy_from_slice(&response);
        Ok(bytes)
    }
}

/// The keys of one identity, by the names that the worker gave them.
pub struct HostKeys {
    pub host_calls: Rc<HostCalls>,
    pub signing: String,
    pub agreement: String,
}

impl Dh for HostKeys {
    async fn agree(&self, peer: &AgreementPublic) -> Result<SharedSecret, RatchetError> {
        SharedSecret::from_bytes(*self.host_calls.call("dh", &self.agreement, peer.as_bytes()).await?)
    }
}

impl Kem for HostKeys {
    async fn decapsulate(&self, key: &str, ciphertext: &[u8]) -> Result<KemShared, RatchetError> {
        Ok(KemShared::from_bytes(*self.host_calls.call("decapsulate", key, ciphertext).await?))
    }
}

impl Sign for HostKeys {
    async fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], RatchetError> {
        Ok(*self.host_calls.call("sign", &self.signing, bytes).await?)
    }
}
