//! Web Push: waking a browser through a push service that learns nothing.
//!
//! **Who can send is decided elsewhere, and ends by itself.** The VAPID key lives in the enclave and stays there. A sender
//! holds [`Leases`]: one token per push service, each checked when it comes in against the form that enclaves sign, the
//! key, the service's origin and the 24 hours of RFC 8292. It cannot make another, and a lease for one service is never
//! shown to a different one, because the origin is taken from the very endpoint that is dialled.
//!
//! What is sent is sealed for one subscription (RFC 8291 over the `aes128gcm` coding of RFC 8188, fresh key and salt each
//! time) or is nothing at all: [`PushMessage::wake_up`]. Endpoints come from browsers, so from people that are not trusted:
//! they are dialled through `briefcase-egress`, over `https`, at public addresses, and redirects are not followed.
//!
//! The primitives are RustCrypto's. Two crates do the same and were not taken: `ece` encrypts with OpenSSL, a second
//! cryptographic provider; `web-push` builds on `ece`, wants the VAPID private key in the sender, and brings HTTP clients
//! without rules about addresses.

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
