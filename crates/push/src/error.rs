//! Why a subscription, a lease or a message is not taken, and why a push service did not take one.

use std::time::Duration;

use briefcase_egress::{EgressError, TargetError};
use briefcase_enclave_formats::vapid::VapidError;

/// Why a subscription cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// Not what `PushSubscription.toJSON()` gives.
    #[error("this is not a push subscription: {0}")]
    Form(&'static str),
    /// Its endpoint may not be dialled.
    #[error("the subscription's endpoint: {0}")]
    Endpoint(#[from] TargetError),
    /// Its keys cannot be a browser's.
    #[error("the subscription's keys: {0}")]
    Keys(#[from] ContentError),
}

/// Why something cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// Not an uncompressed point of P-256.
    #[error("p256dh has to be the 65 bytes of a point on P-256")]
    Point,
    /// Not a secret key of P-256.
    #[error("the secret key has to be a scalar of P-256")]
    Scalar,
    /// The authentication secret has another length.
    #[error("auth has to be 16 bytes")]
    Auth,
    /// More than one record holds.
    #[error("content and padding are at most 3993 bytes")]
    TooLong,
    /// Not one `aes128gcm` record, or sealed for somebody else.
    #[error("the message cannot be opened")]
    Forged,
    /// The random source gave no usable key.
    #[error("the random source is broken")]
    Entropy,
}

/// Why a lease is not held, or not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Not `vapid t=…, k=…` as an enclave writes it.
    #[error("this is not a VAPID authorization: {0}")]
    Form(&'static str),
    /// The token is not good for this push service now.
    #[error(transparent)]
    Token(#[from] VapidError),
    /// Signed by another key than the one subscriptions were made with.
    #[error("the lease belongs to another VAPID key")]
    OtherKey,
    /// There is no lease for this push service, or it is over.
    #[error("there is no lease for {0}; ask the enclave for one")]
    Missing(String),
}

/// Why a message cannot be sent as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// A topic is a short name.
    #[error("a topic is 1 to 32 characters of base64url")]
    Topic,
    /// Kept longer than push services keep anything.
    #[error("a message is kept for at most 28 days")]
    Ttl,
    /// Content or padding does not fit.
    #[error("content and padding are at most 3993 bytes")]
    TooLong,
}

/// Why a message was not delivered to the push service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Nothing was sent: no token for this service.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// Nothing was sent: it could not be sealed.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The subscription has ended: drop it.
    #[error("the subscription has ended (status {0}); drop it")]
    Gone(u16),
    /// The push service takes less.
    #[error("the push service does not take a message of this size")]
    TooLarge,
    /// The push service has too much to do, with us or in general.
    #[error("the push service asks to try again later")]
    Later {
        /// The status.
        status: u16,
        /// When, as far as it says so; at most a day.
        after: Option<Duration>,
    },
    /// The token is not accepted: the subscription was made with another key, or the lease is over.
    #[error("the push service does not accept the token (status {status}): {reason}")]
    Unauthorized {
        /// The status.
        status: u16,
        /// What it says, made printable and short.
        reason: String,
    },
    /// Anything else that it refuses.
    #[error("the push service refused (status {status}): {reason}")]
    Refused {
        /// The status.
        status: u16,
        /// What it says, made printable and short.
        reason: String,
    },
    /// No usable answer: address, connection, TLS, redirect or time.
    #[error("the push service cannot be reached: {0}")]
    Unreachable(#[from] EgressError),
}
