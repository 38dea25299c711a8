//! Proof that a person is present.
//!
//! A process of the same user can run the CLI, read the files and speak on the sockets. It cannot type a PIN that it does not
//! know, and it cannot make an authenticator sign. Everything that gives power therefore requires a [`Present`]: a value that
//! only a successful check makes, for one decision's digest and for two minutes, and that is consumed when it is spent.
//!
//! Invariants:
//! - A PIN attempt is counted, and the count stored, *before* the PIN is compared ([`AttemptState::begin`] →
//!   [`PendingAttempt::persist`] → [`CountedAttempt::finish`]): killing the daemon between the guess and the answer
//!   gives no free guess.
//! - A passkey's challenge belongs to one decision, is used once, and lives two minutes; the origin is exact, port
//!   included; the authenticator must have verified its user.
//! - An enrolment requires an [`EnrolmentPermit`], and the permit requires an existing factor, unless none is enrolled.
//!
//! Limits: a keylogger or a changed terminal program of the same user sees a typed PIN; a passkey does not have
//! this weakness. The WebAuthn library draws challenges from the operating system, not from [`briefcase_types::Entropy`], so
//! passkey ceremonies cannot be replayed in a test.
//!
//! A proof cannot be copied, made, printed or stored:
//! ```compile_fail,E0277
//! fn copy(proof: &briefcase_presence::Present) -> briefcase_presence::Present {
//!     briefcase_presence::Present::clone(proof)
//! }
//! ```
//! ```compile_fail,E0451
//! fn make(factor: briefcase_presence::FactorUse, digest: briefcase_types::Digest) -> briefcase_presence::Present {
//!     briefcase_presence::Present { used: factor, bound_to: digest }
//! }
//! ```
//! ```compile_fail,E0277
//! fn store(proof: &briefcase_presence::Present) -> String { serde_json::to_string(proof).unwrap_or_default() }
//! ```
//! A PIN cannot be checked before the attempt was stored:
//! ```compile_fail,E0599
//! fn check(state: &mut briefcase_presence::AttemptState, factor: &briefcase_presence::PinFactor,
//!          pin: &briefcase_types::SecretString, digest: briefcase_types::Digest, now: briefcase_types::UnixMillis) {
//!     let attempt = state.begin(now).unwrap();
//!     let _ = attempt.finish(Some(factor), pin, digest, now);
//! }
//! ```

mod attempts;
mod ceremonies;
mod counters;
mod enrolment;
mod passkey;
mod pin;
mod pin_strength;
mod present;
mod verifier;

pub use attempts::{AttemptState, CountedAttempt, LockedOut, PendingAttempt, WrongPin};
pub use counters::FactorCounters;
pub use enrolment::{EnrolmentPermit, FactorsExist};
pub use passkey::{Asserted, PasskeyError, PasskeyFactor, RelyingParty};
pub use pin::{EnrolError, PinFactor};
pub use pin_strength::WeakPin;
pub use present::{FactorId, FactorIdError, FactorUse, NotForThis, Present};
pub use verifier::{CounterSnapshots, EnrolledFactors, Enrolment, FactorVerifier, FactorVerifierParts};
