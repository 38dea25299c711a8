//! The count of PIN attempts. No guess is free.

use std::{future::Future, time::Duration};

use briefcase_types::{Digest, FactorKind, SecretString, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{PinFactor, Present, pin};

/// The guesses before the first lock-out.
const FREE_TRIES: u32 = 5;
const FIRST_LOCK: Duration = Duration::from_secs(60);
const LONGEST_LOCK: Duration = Duration::from_secs(24 * 60 * 60);

/// The guesses since the last right PIN, and the time of the next allowed one. The vault has one state: the caller holds it
/// in memory behind a lock, and stores it whenever [`PendingAttempt::persist`] asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptState {
    failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locked_until: Option<UnixMillis>,
}

/// Too many PINs were wrong; the next attempt must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong PINs; try again in {} s, or use a passkey", wait.as_secs().saturating_add(1))]
pub struct LockedOut {
    /// The time of the next possible attempt.
    pub until: UnixMillis,
    /// The time until then.
    pub wait: Duration,
}

/// The PIN is wrong. The error is the same when no PIN is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the PIN is wrong; {tries_left} more before a lock-out")]
pub struct WrongPin {
    /// The guesses left before the next lock-out; 0 when it has begun.
    pub tries_left: u32,
    /// The lock-out that has begun.
    pub locked_until: Option<UnixMillis>,
}

/// An attempt that is counted in memory but not in storage. It can only be stored.
#[must_use = "store the attempt, then finish it"]
pub struct PendingAttempt(AttemptState);

/// An attempt that is counted in storage, so the PIN may be compared.
#[must_use = "finish the attempt"]
pub struct CountedAttempt(AttemptState);

impl AttemptState {
    /// Counts an attempt as failed before its result is known.
    ///
    /// # Errors
    /// A lock-out is in force.
    pub fn begin(&mut self, now: UnixMillis) -> Result<PendingAttempt, LockedOut> {
        self.bound(now);
        if let Some(until) = self.locked_until.filter(|until| *until > now) {
            return Err(LockedOut { until, wait: until.since(now) });
        }
        self.count(now);
        Ok(PendingAttempt(self.clone()))
    }

    /// Counts an attempt of the record at a start, without checking for a lock-out.
    pub fn replay_attempt(&mut self, at: UnixMillis) {
        self.count(at);
    }

    /// Clears the failures before a right PIN of the record, at a start.
    pub fn replay_right(&mut self) {
        *self = Self::default();
    }

    /// Lengthens a lock-out by a step of the clock that no running daemon measured. `at` is the time after the step. The rest of
    /// the lock-out is never longer than the whole.
    pub fn clock_stepped(&mut self, at: UnixMillis, by: Duration) {
        self.locked_until = self.locked_until.map(|until| until.plus(by));
        self.bound(at);
    }

    /// Keeps a lock-out from outlasting its length after a person accepted an earlier time.
    pub fn clock_accepted(&mut self, now: UnixMillis) {
        self.bound(now);
    }

    /// Invariant: a lock-out ends within its length, whatever the clock did before.
    fn bound(&mut self, now: UnixMillis) {
        let longest = lock_after(self.failures).map(|lock| now.plus(lock));
        self.locked_until = self.locked_until.zip(longest).map(|(until, longest)| until.min(longest));
    }

    fn count(&mut self, now: UnixMillis) {
        self.failures = self.failures.saturating_add(1);
        self.locked_until = lock_after(self.failures).map(|lock| now.plus(lock));
    }

    /// Clears the failures after a right PIN. Store the state afterwards; losing that write is harmless.
    ///
    /// A proof from another factor changes nothing.
    pub fn clear(&mut self, proof: &Present) {
        if proof.used().kind == FactorKind::Pin {
            *self = Self::default();
        }
    }
}

/// The lock-out: one minute after the fifth failure, doubled with each further one, at most a day.
fn lock_after(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(FREE_TRIES)?.min(11);
    Some(FIRST_LOCK.saturating_mul(1 << doublings).min(LONGEST_LOCK))
}

impl PendingAttempt {
    /// Stores the count with `save`, which returns when the count is durable.
    ///
    /// # Errors
    /// The error of `save`. The attempt stays counted and the PIN is not compared.
    pub fn persist<E>(self, save: impl FnOnce(&AttemptState) -> Result<(), E>) -> Result<CountedAttempt, E> {
        save(&self.0)?;
        Ok(CountedAttempt(self.0))
    }

    /// [`persist`](Self::persist) for storage that is asynchronous.
    ///
    /// # Errors
    /// The error of `save`.
    pub async fn persist_async<E, F>(self, save: impl FnOnce(AttemptState) -> F) -> Result<CountedAttempt, E>
    where
        F: Future<Output = Result<(), E>>,
    {
        save(self.0.clone()).await?;
        Ok(CountedAttempt(self.0))
    }
}

impl CountedAttempt {
    /// Compares the PIN. This takes about 0.2 s and 64 MiB: call it where blocking is allowed (`spawn_blocking`).
    ///
    /// The proof belongs to `decision`. Pass it to [`AttemptState::clear`] before spending it.
    ///
    /// # Errors
    /// The PIN is wrong, or no PIN is enrolled.
    pub fn finish(
        self,
        factor: Option<&PinFactor>,
        pin: &SecretString,
        decision: Digest,
        now: UnixMillis,
    ) -> Result<Present, WrongPin> {
        match pin::matching(factor, pin) {
            Some(id) => Ok(Present::new(FactorKind::Pin, id, now, decision)),
            None => Err(WrongPin {
                tries_left: FREE_TRIES.saturating_sub(self.0.failures),
                locked_until: self.0.locked_until,
            }),
        }
    }
}
