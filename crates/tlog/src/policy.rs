//! Which logs are believed, and how many witnesses it takes (C2SP tlog-policy).
//!
//! Invariant: a [`WitnessedCheckpoint`] head was signed by a log of the policy and cosigned by its quorum. A witness counts once: a
//! name can be a member of one group only, and two names cannot share a key.

mod parse;

use std::str::FromStr;

use crate::{
    checkpoint::{Checkpoint, LogVerifierKey, SignedCheckpoint},
    cosignature::Witness,
    note::CheckpointError,
};

/// Why a head is not believed, or a policy is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogPolicyError {
    /// The policy's text is wrong.
    #[error("the log policy is wrong in line {line}: {problem}")]
    Text {
        /// Which line, from 1; 0 for what is missing at the end.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The head is not signed by a log of the policy.
    #[error("the log's head is not believed: {0}")]
    Log(CheckpointError),
    /// A known witness's cosignature does not hold.
    #[error("the cosignature of `{witness}` does not hold")]
    Cosignature {
        /// The witness's name in the policy.
        witness: String,
    },
    /// Too few witnesses cosigned.
    #[error("too few witnesses cosigned the log's head: {}", if cosigned.is_empty() { "none".to_owned() } else { cosigned.join(", ") })]
    Quorum {
        /// Who did.
        cosigned: Vec<String>,
    },
}

/// A log that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// Its name and key.
    pub key: LogVerifierKey,
    /// Where it is.
    pub url: Option<String>,
}

/// A witness whose cosignature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownWitness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub witness: Witness,
    /// Where it takes checkpoints.
    pub url: Option<String>,
}

/// A rule over witnesses.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// This witness, by its place in the list.
    Witness(usize),
    /// At least so many of these rules.
    Group(usize, Vec<Self>),
    /// Nobody is needed.
    None,
}

/// A log policy. Text form: C2SP tlog-policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPolicy {
    logs: Vec<KnownLog>,
    witnesses: Vec<KnownWitness>,
    quorum: Rule,
}

impl LogPolicy {
    /// One log, and `least` of these witnesses.
    ///
    /// # Errors
    /// [`LogPolicyError::Text`] when there are fewer witnesses than needed, or two with one key or name.
    pub fn new(log: LogVerifierKey, witnesses: Vec<Witness>, least: usize) -> Result<Self, LogPolicyError> {
        let wrong = |problem| Err(LogPolicyError::Text { line: 0, problem });
        if least > witnesses.len() {
            return wrong("fewer witnesses than the quorum needs");
        }
        let mut known: Vec<KnownWitness> = Vec::new();
        for witness in witnesses {
            if known.iter().any(|other| other.witness.key() == witness.key() || other.name == witness.name()) {
                return wrong("two witnesses with one key or name");
            }
            known.push(KnownWitness { name: witness.name().to_owned(), witness, url: None });
        }
        let quorum = match least {
            0 => Rule::None,
            _ => Rule::Group(least, (0..known.len()).map(Rule::Witness).collect()),
        };
        Ok(Self { logs: vec![KnownLog { key: log, url: None }], witnesses: known, quorum })
    }

    /// The logs.
    #[must_use]
    pub fn logs(&self) -> &[KnownLog] {
        &self.logs
    }

    /// The witnesses.
    #[must_use]
    pub fn witnesses(&self) -> &[KnownWitness] {
        &self.witnesses
    }

    /// Whether a head without any cosignature would be believed.
    #[must_use]
    pub fn allows_no_witness(&self) -> bool {
        satisfied(&self.quorum, &[])
    }

    /// Checks a signed note. Cosignatures after `latest`, in seconds since 1970, do not count: nobody has seen a head
    /// tomorrow.
    ///
    /// # Errors
    /// [`LogPolicyError`] when no log of the policy signed it, a known witness's cosignature does not hold, or too few
    /// cosigned.
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

/// Groups cannot contain themselves, so this ends.
fn satisfied(rule: &Rule, places: &[usize]) -> bool {
    match rule {
        Rule::None => true,
        Rule::Witness(place) => places.contains(place),
        Rule::Group(least, members) => members.iter().filter(|member| satisfied(member, places)).count() >= *least,
    }
}

/// A head that a policy believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    head: SignedCheckpoint,
    cosigned: Vec<(String, u64)>,
}

impl WitnessedCheckpoint {
    /// The head.
    #[must_use]
    pub const fn head(&self) -> &SignedCheckpoint {
        &self.head
    }

    /// Who cosigned it, and when (seconds since 1970).
    #[must_use]
    pub fn cosigned(&self) -> &[(String, u64)] {
        &self.cosigned
    }
}
