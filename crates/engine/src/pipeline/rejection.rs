//! Rejections: how a call ends before its effect. The refusal's receipt is durable before the agent receives the refusal.

use briefcase_json::JsonError;
use briefcase_receipts::{Kind, Receipt, Refused, Text, Word, Words};
use briefcase_types::{Digest, Refusal, RefusalCode};

use super::CallContext;
use crate::Engine;
use briefcase_ports::{Entry, Urgency};

/// A stage's rejection of the call.
#[derive(Debug)]
pub struct CallRejection {
    refusal: Refusal,
    arguments: Option<Digest>,
    policies: Vec<String>,
    authority: u64,
    recorded: bool,
}

impl CallRejection {
    pub(super) fn new(authority: u64, refusal: Refusal) -> Self {
        Self { refusal, arguments: None, policies: Vec::new(), authority, recorded: false }
    }

    pub(super) fn with_arguments(mut self, arguments: Digest) -> Self {
        self.arguments = Some(arguments);
        self
    }

    pub(super) fn with_policies(mut self, policies: Vec<String>) -> Self {
        self.policies = policies;
        self
    }

    /// Rejects a call that was sent. Its outcome is already recorded, so the refusal gets no second receipt.
    pub(super) fn after_effect(refusal: Refusal) -> Self {
        Self { refusal, arguments: None, policies: Vec::new(), authority: 0, recorded: true }
    }

    /// Writes the receipt and returns the refusal for the agent. When the record cannot be written, the refusal says so
    /// instead. Nothing ran in either case.
    pub(super) async fn record(self, engine: &Engine, context: &CallContext) -> Refusal {
        if self.recorded {
            return self.refusal;
        }
        let mut refusal = self.refusal;
        let receipt = Receipt {
            at: engine.clock.now(),
            kind: Kind::Refusal(Refused {
                call: context.call,
                agent: context.agent.clone(),
                session: context.session,
                server: Some(context.server.clone()),
                op: Some(Word::lossy(context.operation)),
                name: (!context.name.is_empty()).then(|| Text::lossy(&context.name)),
                code: refusal.code,
                reason: Word::lossy(refusal.reason.clone()),
                args: self.arguments,
                policies: self.policies.into_iter().map(Word::lossy).collect::<Words>(),
                authority: self.authority,
                approval: refusal.approval,
            }),
        };
        match engine.record(Entry { receipt, opening: None }, Urgency::Now).await {
            Ok(index) => {
                refusal.receipt = Some(index);
                refusal
            }
            Err(error) => unrecorded(&error),
        }
    }
}

/// The refusal for a call that does not run because the record cannot be written.
pub(crate) fn unrecorded(error: &briefcase_ports::JournalError) -> Refusal {
    Refusal::new(
        RefusalCode::Unavailable,
        "record",
        format!("The call did not run, because the record cannot be written: {error}."),
        error.next_step(),
    )
}

/// The refusal for JSON that parsers could read differently.
pub(super) fn unreadable(error: JsonError) -> Refusal {
    Refusal::new(
        RefusalCode::InvalidArgs,
        error.reason.as_str(),
        format!("The arguments were rejected: {error}."),
        "Send JSON that every parser reads the same way: no duplicate keys, integers beyond 2^53 as strings, valid UTF-8.",
    )
}
