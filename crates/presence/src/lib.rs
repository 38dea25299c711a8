//! Proof of a person's presence: a PIN typed at a terminal, or a passkey used in the console.
//!
//! A process of the same user can run the CLI, read the files and use the sockets. It cannot type a PIN that it does not know,
//! and it cannot make an authenticator sign. So everything that gives power needs a [`Present`]: a value that only a successful
//! check makes, for one decision's digest, for two minutes. Spending it consumes it. [`FactorVerifier`] implements the engine's
//! factor port with these checks.
//!
//! Invariants:
//! - A PIN attempt is counted, and the count stored, *before* the PIN is compared ([`AttemptState::begin`] →
//!   [`PendingAttempt::persist`] → [`CountedAttempt::finish`]). Killing the daemon in between gives no free attempt.
//! - A passkey's challenge belongs to one decision, is used once, and expires after two minutes. The origin matches exactly,
//!   port included, and the authenticator has verified its user.
//! - Enrolling a factor needs an [`EnrolmentPermit`], which needs an existing factor unless there is none yet.
//!
//! Limits: a keylogger or a changed terminal program of the same user reads a PIN that is typed; a passkey has no such
//! weakness. The WebAuthn library takes challenges from the operating system, not from [`briefcase_types::Entropy`], so tests
//! cannot replay passkey ceremonies.
//!
//! A proof cannot be copied, made, printed or stored:
//! ```compile_fail,E0599
//! fn copy(proof: &briefcase_presence::Present) -> briefcase_presence::Present { proof.clone() }
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
mod pin_policy;
mod present;
mod verifier;

pub use attempts::{AttemptState, CountedAttempt, LockedOut, PendingAttempt, WrongPin};
pub use counters::FactorCounters;
pub use enrolment::{EnrolmentPermit, FactorsExist};
pub use passkey::{Asserted, PasskeyError, PasskeyFactor, RelyingParty};
pub use pin::{EnrolError, PinFactor};
pub use pin_policy::WeakPin;
pub use present::{FactorId, FactorIdError, FactorUse, NotForThis, Present};
pub use verifier::{CounterSnapshots, EnrolledFactors, Enrolment, FactorVerifier, FactorVerifierParts};
