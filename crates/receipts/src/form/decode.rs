//! Encodes and decodes receipts. The bytes of an export are untrusted: decoding never panics, bounds its work, and
//! accepts only bytes that encoding produces.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    Approval, ChangeReceipt, Intent, Kind, Notice, Outcome, Receipt, Reconcile, Refused, Restore, StartReceipt,
    wire::{KindWord, VERSION, VERSION_WITH_AMOUNT, VERSION_WITH_LABELS, Wire},
};

/// The maximum length of a receipt. An entry bundle could contain 65,535 bytes.
const ENCODED_MAX: usize = 16 * 1024;

/// The maximum number: larger ones have no canonical form.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Bytes are not a receipt, or a receipt has no encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The receipt is too long.
    #[error("a receipt is at most 16 KiB")]
    TooLong,
    /// The bytes are not the JSON of a receipt.
    #[error("not the JSON of a receipt (column {column})")]
    Malformed {
        /// The place of the fault.
        column: usize,
    },
    /// The version is unknown to this program.
    #[error("this program does not know its format version; use a newer program")]
    Version,
    /// The kind is unknown to this program.
    #[error("this program does not know its kind; use a newer program")]
    Kind,
    /// A required member of the kind is missing.
    #[error("the member `{0}` is missing")]
    Missing(&'static str),
    /// The encoding is not canonical.
    #[error("not written in canonical form")]
    NotCanonical,
    /// A number has no canonical form.
    #[error("a number is beyond 2^53 - 1")]
    Number,
}

impl Receipt {
    /// Returns the one encoding: canonical JSON (RFC 8785).
    ///
    /// # Errors
    /// [`FormError::Number`] when a number is beyond 2^53 - 1.
    pub fn encode(&self) -> Result<Vec<u8>, FormError> {
        let wire = Wire::of(self);
        if wire.largest() > NUMBER_MAX {
            return Err(FormError::Number);
        }
        let mut out = Vec::with_capacity(384);
        serde_json::to_writer(&mut out, &wire).map_err(|_| FormError::Malformed { column: 0 })?;
        Ok(out)
    }

    /// Reads the output of [`Receipt::encode`] and rejects everything else.
    ///
    /// # Errors
    /// [`FormError`] when the bytes are not exactly the encoding of a receipt.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormError> {
        if bytes.len() > ENCODED_MAX {
            return Err(FormError::TooLong);
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|error| diagnose(bytes, &error))?;
        if !is_known(wire.v) {
            return Err(FormError::Version);
        }
        let receipt = Self { at: wire.at, kind: kind(wire)? };
        if receipt.encode()? == bytes { Ok(receipt) } else { Err(FormError::NotCanonical) }
    }
}

const fn is_known(version: u64) -> bool {
    matches!(version, VERSION | VERSION_WITH_AMOUNT | VERSION_WITH_LABELS)
}

/// Distinguishes a newer form from a malformed one.
fn diagnose(bytes: &[u8], error: &serde_json::Error) -> FormError {
    #[derive(Deserialize)]
    struct Outline<'a> {
        v: u64,
        #[serde(borrow)]
        k: Cow<'a, str>,
    }
    match serde_json::from_slice::<Outline<'_>>(bytes) {
        Ok(outline) if !is_known(outline.v) => FormError::Version,
        Ok(outline) if serde_json::from_value::<KindWord>(outline.k.as_ref().into()).is_err() => FormError::Kind,
        _ => FormError::Malformed { column: error.column() },
    }
}

fn must<T>(member: &'static str, value: Option<T>) -> Result<T, FormError> {
    value.ok_or(FormError::Missing(member))
}

fn must_own<T: Clone>(member: &'static str, value: Option<Cow<'_, T>>) -> Result<T, FormError> {
    value.map(Cow::into_owned).ok_or(FormError::Missing(member))
}

fn kind(wire: Wire<'_>) -> Result<Kind, FormError> {
    Ok(match wire.k {
        KindWord::Start => Kind::Start(StartReceipt {
            incarnation: must("incarnation", wire.incarnation)?,
            program: must_own("program", wire.program)?,
            files: wire.files.into_owned(),
        }),
        KindWord::Intent => Kind::Intent(intent(wire)?),
        KindWord::Outcome => Kind::Outcome(outcome(wire)?),
        KindWord::Refusal => Kind::Refusal(refused(wire)?),
        KindWord::Approval => Kind::Approval(Approval {
            approval: must("approval", wire.approval)?,
            digest: must("digest", wire.digest)?,
            step: must("step", wire.step)?,
            call: wire.call,
            agent: wire.agent.map(Cow::into_owned),
            factor: wire.factor,
            scope: wire.scope,
        }),
        KindWord::Change => Kind::Change(ChangeReceipt {
            old: must("old", wire.old)?,
            new: must("authority", wire.authority)?,
            document: must("digest", wire.digest)?,
            factor: wire.factor,
            summary: wire.summary.into_owned(),
        }),
        KindWord::Reconcile => Kind::Reconcile(Reconcile {
            call: must("call", wire.call)?,
            intent: must("intent", wire.intent)?,
            verdict: must("verdict", wire.verdict)?,
        }),
        KindWord::Restore => {
            Kind::Restore(Restore { old: must("was", wire.was)?, new: must("incarnation", wire.incarnation)? })
        }
        KindWord::Notice => Kind::Notice(Notice {
            what: must_own("what", wire.what)?,
            agent: wire.agent.map(Cow::into_owned),
            server: wire.server.map(Cow::into_owned),
            detail: wire.detail.map(Cow::into_owned),
        }),
    })
}

fn intent(wire: Wire<'_>) -> Result<Intent, FormError> {
    Ok(Intent {
        call: must("call", wire.call)?,
        agent: must_own("agent", wire.agent)?,
        session: must("session", wire.session)?,
        server: must_own("server", wire.server)?,
        op: must_own("op", wire.op)?,
        name: wire.name.map(Cow::into_owned),
        pin: wire.pin,
        args: wire.args,
        cost: wire.cost.map(|money| money.0),
        amount: wire.amount.map(Cow::into_owned),
        authority: must("authority", wire.authority)?,
        policies: wire.policies.into_owned(),
        approval: wire.approval,
        decision: must_own("decision", wire.decision)?,
        labels: wire.labels.into_owned(),
    })
}

fn outcome(wire: Wire<'_>) -> Result<Outcome, FormError> {
    Ok(Outcome {
        call: must("call", wire.call)?,
        intent: wire.intent,
        status: must_own("status", wire.status)?,
        result: wire.result,
        bytes: must("bytes", wire.bytes)?,
        redacted: wire.redacted,
        millis: must("ms", wire.ms)?,
        cost: wire.cost.map(|money| money.0),
        amount: wire.amount.map(Cow::into_owned),
    })
}

fn refused(wire: Wire<'_>) -> Result<Refused, FormError> {
    Ok(Refused {
        call: must("call", wire.call)?,
        agent: must_own("agent", wire.agent)?,
        session: must("session", wire.session)?,
        server: wire.server.map(Cow::into_owned),
        op: wire.op.map(Cow::into_owned),
        name: wire.name.map(Cow::into_owned),
        code: must("code", wire.code)?,
        reason: must_own("reason", wire.reason)?,
        args: wire.args,
        policies: wire.policies.into_owned(),
        authority: must("authority", wire.authority)?,
        approval: wire.approval,
    })
}
