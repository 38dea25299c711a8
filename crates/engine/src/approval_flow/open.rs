//! The asking side of an approval: open, wait, spend, cancel.

use std::time::Duration;

use briefcase_ports::{Entry, JournalError, Urgency};
use briefcase_receipts::{Approval, Kind, Receipt, Step};
use briefcase_types::{ApprovalId, ApprovalRequest, CallId};

use crate::{
    Engine,
    approvals::{ApprovalConsumed, CallKey, OpenRequestError, OpenedRequest, WaitResult},
};

/// No request is open for the call.
pub(crate) enum RequestError {
    /// The queue did not open it.
    NotOpened(OpenRequestError),
    /// Its receipt could not be written.
    Journal(JournalError),
}

impl Engine {
    /// Opens an approval request, or finds the open one of the same call. People see it once its receipt is durable.
    pub(crate) async fn open_request(
        &self,
        request: ApprovalRequest,
        key: CallKey,
        call: Option<CallId>,
    ) -> Result<ApprovalId, RequestError> {
        let step = Approval {
            approval: request.id,
            digest: request.digest,
            step: Step::Requested,
            call,
            agent: Some(request.agent.clone()),
            factor: None,
            scope: None,
        };
        let OpenedRequest { id, is_new } =
            self.approvals.open(request, key, self.clock.now()).map_err(RequestError::NotOpened)?;
        if is_new {
            let receipt = Receipt { at: self.clock.now(), kind: Kind::Approval(step) };
            let recorded = self.record(Entry { receipt, opening: None }, Urgency::Now).await;
            self.approvals.recorded(id, recorded.is_ok());
            recorded.map_err(RequestError::Journal)?;
        }
        Ok(id)
    }

    /// Waits for a person's decision, at most for `patience`.
    pub(crate) async fn wait_for_decision(&self, id: ApprovalId, patience: Duration) -> WaitResult {
        self.approvals.wait(id, patience, self.clock.as_ref(), self.timer.as_ref()).await
    }

    /// Spends the decision on the call with this key. `shown` is the request whose facts still hold.
    pub(crate) fn spend_approval(&self, shown: &ApprovalRequest, key: CallKey) -> Option<ApprovalConsumed> {
        self.approvals.spend(shown.id, key, shown.authority_version, self.clock.now())
    }

    /// Removes a request whose decision no longer fits.
    pub(crate) fn withdraw_request(&self, id: ApprovalId) {
        self.approvals.withdraw(id);
    }

    /// Removes the request of a cancelled call, on record.
    pub(crate) fn cancel_request(&self, id: ApprovalId) {
        let Some(request) = self.approvals.withdraw(id) else { return };
        let step = Approval {
            approval: id,
            digest: request.digest,
            step: Step::Cancelled,
            call: None,
            agent: Some(request.agent.clone()),
            factor: None,
            scope: None,
        };
        let entry = Entry { receipt: Receipt { at: self.clock.now(), kind: Kind::Approval(step) }, opening: None };
        // The refusal that follows is durable or fails loudly; this receipt is committed with it.
        drop(self.journal.append(entry, Urgency::Lazy));
    }
}
