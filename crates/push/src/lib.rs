//! Web Push: wakes a browser through a push service that cannot read the messages.
//!
//! **The enclave decides who can send, and the permission expires.** The VAPID key never leaves the enclave. A sender
//! holds [`Leases`]: one token per push service. Each token is checked on arrival: the enclave's format, the key, the
//! service's origin and the 24 hours of RFC 8292. A sender cannot make tokens. It never shows a lease to another
//! service, because the lease is looked up by the origin of the endpoint in use.
//!
//! Each message is encrypted for one subscription (RFC 8291 over the `aes128gcm` coding of RFC 8188, with a fresh key
//! and salt) or is an empty [`PushMessage::wake_up`]. Endpoints come from browsers, so they are untrusted. All requests
//! go through `briefcase-egress`: `https`, public addresses, no redirects.
//!
//! The primitives come from RustCrypto. Two libraries with the same purpose are not used. `ece` encrypts with OpenSSL,
//! a second cryptography provider. `web-push` builds on `ece`, needs the VAPID private key in the sender, and brings
//! HTTP clients without address rules.

mod coding;
mod content;
mod error;
mod lease;
mod message;
mod sender;
mod subscription;

pub use content::{Receiver, SubscriptionKeys};
pub use error::{ContentError, LeaseError, MessageError, PushError, SubscriptionError};
pub use lease::{Lease, Leases};
pub use message::{LONGEST_TTL, MAX_CONTENT, PushMessage, PushUrgency, Topic};
pub use sender::{Delivered, PushSender};
pub use subscription::Subscription;
