//! Changes of the authority document: preview, then application with a proof of presence.

use briefcase_api::{Applied, Apply, Change, Evidence, Preview};
use zeroize::Zeroize as _;

use crate::{AdminClient, ClientError, body};

/// A change that the daemon previewed. Its secrets are wiped when it is dropped.
///
/// Invariant: [`AdminClient::apply`] takes nothing else, so the applied change is the previewed one.
pub struct PreviewedChange {
    /// `None` only while a request borrows the change.
    change: Option<Change>,
    preview: Preview,
}

impl PreviewedChange {
    /// The effects of the change, to be shown to a person.
    #[must_use]
    pub const fn preview(&self) -> &Preview {
        &self.preview
    }
}

impl std::fmt::Debug for PreviewedChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreviewedChange").field("digest", &self.preview.digest).finish_non_exhaustive()
    }
}

impl Drop for PreviewedChange {
    fn drop(&mut self) {
        self.change.take().into_iter().for_each(wipe);
    }
}

impl AdminClient {
    /// Asks what a change would do. The request names each secret by its digest only.
    ///
    /// # Errors
    /// The daemon refused the change, or was not reached.
    pub async fn preview(&self, change: Change) -> Result<PreviewedChange, ClientError> {
        match self.post("/v1/changes/preview", &change.without_secrets()).await {
            Ok(preview) => Ok(PreviewedChange { change: Some(change), preview }),
            Err(error) => {
                wipe(change);
                Err(error)
            }
        }
    }

    /// Applies a previewed change. After a wrong PIN it may be applied again with another proof.
    ///
    /// # Errors
    /// The daemon refused the proof or the change, or was not reached.
    pub async fn apply(&self, previewed: &mut PreviewedChange, evidence: Evidence) -> Result<Applied, ClientError> {
        let Some(change) = previewed.change.take() else { return Err(interrupted()) };
        let body = Apply { change, digest: previewed.preview.digest, evidence };
        let applied = self.post("/v1/changes", &body).await;
        body::wipe(body.evidence);
        previewed.change = Some(body.change);
        applied
    }
}

/// An earlier request with this change was dropped before its end, and the change with it.
fn interrupted() -> ClientError {
    ClientError::Connection("an earlier request with this change was interrupted".to_owned())
}

/// Wipes the secrets of a change.
fn wipe(change: Change) {
    match change {
        Change::SetSecret { mut value, .. } => value.zeroize(),
        Change::SetPin { mut pin } => pin.zeroize(),
        Change::SetPassphrase { mut passphrase } => passphrase.zeroize(),
        _ => {}
    }
}
