//! Errors of subscriptions, leases, messages and push services.

use std::time::Duration;

use briefcase_egress::{EgressError, TargetError};
use briefcase_enclave_formats::vapid::VapidError;

/// A subscription is unusable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The text is not the output of `PushSubscription.toJSON()`.
    #[error("this is not a push subscription: {0}")]
    Form(&'static str),
    /// The endpoint is not an allowed address.
    #[error("the subscription's endpoint: {0}")]
    Endpoint(#[from] TargetError),
    /// The keys are invalid.
    #[error("the subscription's keys: {0}")]
    Keys(#[from] ContentError),
}

/// Content cannot be encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The bytes are not an uncompressed point of P-256.
    #[error("p256dh must be the 65 bytes of a point on P-256")]
    Point,
    /// The bytes are not a secret key of P-256.
    #[error("the secret key must be a scalar of P-256")]
    Scalar,
    /// The authentication secret has another length.
    #[error("auth must be 16 bytes")]
    Auth,
    /// Content and padding exceed one record.
    #[error("content and padding exceed 3993 bytes")]
    TooLong,
    /// The body is not one `aes128gcm` record, or was encrypted for other keys.
    #[error("the message cannot be decrypted")]
    Forged,
    /// The random source gave no usable key.
    #[error("the random source is broken")]
    Entropy,
}

/// A lease is invalid or missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// The text is not `vapid t=…, k=…` in the enclave's format.
    #[error("this is not a VAPID authorization: {0}")]
    Form(&'static str),
    /// The token is not valid for this push service now.
    #[error(transparent)]
    Token(#[from] VapidError),
    /// The lease was signed with another key than the subscriptions use.
    #[error("the lease belongs to another VAPID key")]
    OtherKey,
    /// The lease for this push service is missing or expired.
    #[error("no valid lease for {0}; request one from the enclave")]
    Missing(String),
}

/// A message is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The topic is invalid.
    #[error("a topic must have 1 to 32 characters of base64url")]
    Topic,
    /// The TTL exceeds the limit of push services.
    #[error("the TTL exceeds 28 days")]
    Ttl,
    /// Content or padding is too long.
    #[error("content and padding exceed 3993 bytes")]
    TooLong,
}

/// A message was not delivered to the push service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Nothing was sent: the lease for this service is missing.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// Nothing was sent: encryption failed.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The subscription has ended. Delete it.
    #[error("the subscription has ended (status {0}); delete it")]
    Gone(u16),
    /// The push service has a smaller size limit.
    #[error("the push service does not accept a message of this size")]
    TooLarge,
    /// The push service is overloaded or limits this sender.
    #[error("the push service asks to try again later")]
    Later {
        /// The response's status.
        status: u16,
        /// The requested delay, if given; at most a day.
        after: Option<Duration>,
    },
    /// The push service rejects the token: the subscription was made with another key, or the lease has expired.
    #[error("the push service rejected the token (status {status}): {reason}")]
    Unauthorized {
        /// The response's status.
        status: u16,
        /// The start of the response's text, printable and short.
        reason: String,
    },
    /// The push service refused the message for another reason.
    #[error("the push service refused (status {status}): {reason}")]
    Refused {
        /// The response's status.
        status: u16,
        /// The start of the response's text, printable and short.
        reason: String,
    },
    /// No valid response: address, connection, TLS, redirect or timeout.
    #[error("the push service is unreachable: {0}")]
    Unreachable(#[from] EgressError),
}
