//! Trusted logs, and the number of witnesses needed (C2SP tlog-policy).
//!
//! Invariant: a log of the policy signed a [`WitnessedCheckpoint`], and the policy's quorum cosigned it. A witness
//! counts once: a name can be a member of one group only, and two names cannot share a key.

mod parse;

use std::str::FromStr;

use crate::{
    checkpoint::{Checkpoint, LogVerifierKey, SignedCheckpoint},
    cosignature::Witness,
    note::CheckpointError,
};

/// A checkpoint was rejected, or the policy is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogPolicyError {
    /// The policy's text is invalid.
    #[error("the log policy is invalid in line {line}: {problem}")]
    Text {
        /// The line number, from 1; 0 when a line is missing at the end.
        line: usize,
        /// A description of the error.
        problem: &'static str,
    },
    /// No log of the policy signed the checkpoint.
    #[error("the log's checkpoint was rejected: {0}")]
    Log(CheckpointError),
    /// The cosignature of a known witness is invalid.
    #[error("the cosignature of `{witness}` is invalid")]
    Cosignature {
        /// The witness's name in the policy.
        witness: String,
    },
    /// Too few witnesses cosigned.
    #[error("too few witnesses cosigned the log's checkpoint: {}", if cosigned.is_empty() { "none".to_owned() } else { cosigned.join(", ") })]
    Quorum {
        /// The names of the witnesses that cosigned.
        cosigned: Vec<String>,
    },
}

/// A trusted log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// The log's name and key.
    pub key: LogVerifierKey,
    /// The log's address.
    pub url: Option<String>,
}

/// A trusted witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownWitness {
    /// The witness's name in the policy.
    pub name: String,
    /// The witness's own name and key.
    pub witness: Witness,
    /// The address for `add-checkpoint` requests.
    pub url: Option<String>,
}

/// A rule over witnesses.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// A witness, by its index in the list.
    Witness(usize),
    /// At least this many of these rules.
    Group(usize, Vec<Self>),
    /// No witness is needed.
    None,
}

/// A policy for logs and witnesses. Text form: C2SP tlog-policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPolicy {
    logs: Vec<KnownLog>,
    witnesses: Vec<KnownWitness>,
    quorum: Rule,
}

impl LogPolicy {
    /// Makes a policy of one log, and `least` of these witnesses.
    ///
    /// # Errors
    /// [`LogPolicyError::Text`] when there are fewer than `least` witnesses, or two share a key or name.
    pub fn new(log: LogVerifierKey, witnesses: Vec<Witness>, least: usize) -> Result<Self, LogPolicyError> {
        let wrong = |problem| Err(LogPolicyError::Text { line: 0, problem });
        if least > witnesses.len() {
            return wrong("the quorum needs more witnesses than are listed");
        }
        let mut known: Vec<KnownWitness> = Vec::new();
        for witness in witnesses {
            if known.iter().any(|other| other.witness.key() == witness.key() || other.name == witness.name()) {
                return wrong("two witnesses share a key or name");
            }
            known.push(KnownWitness { name: witness.name().to_owned(), witness, url: None });
        }
        let quorum = match least {
            0 => Rule::None,
            _ => Rule::Group(least, (0..known.len()).map(Rule::Witness).collect()),
        };
        Ok(Self { logs: vec![KnownLog { key: log, url: None }], witnesses: known, quorum })
    }

    /// The trusted logs.
    #[must_use]
    pub fn logs(&self) -> &[KnownLog] {
        &self.logs
    }

    /// The trusted witnesses.
    #[must_use]
    pub fn witnesses(&self) -> &[KnownWitness] {
        &self.witnesses
    }

    /// Whether a checkpoint without any cosignature is accepted.
    #[must_use]
    pub fn allows_no_witness(&self) -> bool {
        satisfied(&self.quorum, &[])
    }

    /// Verifies a signed note. Cosignatures with a time after `latest`, in seconds since 1970, do not count: their
    /// times lie in the future.
    ///
    /// # Errors
    /// [`LogPolicyError`] when no log of the policy signed the note, a known witness's cosignature is invalid, or too
    /// few witnesses cosigned.
    pub fn check(&self, note: &[u8], latest: u64) -> Result<WitnessedCheckpoint, LogPolicyError> {
        let origin = Checkpoint::parse_unverified(note).map_err(LogPolicyError::Log)?.origin;
        let mut head = Err(CheckpointError::Origin);
        for log in self.logs.iter().filter(|log| log.key.origin == origin) {
            head = log.key.verify(note);
            if head.is_ok() {
                break;
            }
        }
        let head = head.map_err(LogPolicyError::Log)?;
        let (mut cosigned, mut places) = (Vec::new(), Vec::new());
        for (place, known) in self.witnesses.iter().enumerate() {
            match known.witness.verify(note) {
                Ok(time) if time <= latest => {
                    cosigned.push((known.name.clone(), time));
                    places.push(place);
                }
                Ok(_) | Err(CheckpointError::Unsigned) => {}
                Err(_) => return Err(LogPolicyError::Cosignature { witness: known.name.clone() }),
            }
        }
        if satisfied(&self.quorum, &places) {
            Ok(WitnessedCheckpoint { head, cosigned })
        } else {
            Err(LogPolicyError::Quorum { cosigned: cosigned.into_iter().map(|(name, _)| name).collect() })
        }
    }
}

impl FromStr for LogPolicy {
    type Err = LogPolicyError;

    fn from_str(text: &str) -> Result<Self, LogPolicyError> {
        parse::policy(text)
    }
}

/// The recursion ends because a group cannot contain itself.
fn satisfied(rule: &Rule, places: &[usize]) -> bool {
    match rule {
        Rule::None => true,
        Rule::Witness(place) => places.contains(place),
        Rule::Group(least, members) => members.iter().filter(|member| satisfied(member, places)).count() >= *least,
    }
}

/// A checkpoint that a policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    head: SignedCheckpoint,
    cosigned: Vec<(String, u64)>,
}

impl WitnessedCheckpoint {
    /// The signed checkpoint.
    #[must_use]
    pub const fn head(&self) -> &SignedCheckpoint {
        &self.head
    }

    /// The witnesses that cosigned, with their times (seconds since 1970).
    #[must_use]
    pub fn cosigned(&self) -> &[(String, u64)] {
        &self.cosigned
    }
}
