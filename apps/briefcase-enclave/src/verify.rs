//! `briefcase enclave verify`

use std::path::Path;

use briefcase::{
    command::enclave::Verify,
    context::CommandContext,
    failure::Failure,
    printer::{CommandResult, waiting},
};
use briefcase_release::RollbackState;

use crate::{audit, source::EnclaveSource, trust::TrustAnchor, watch_state::WatchState};

/// Audits an enclave once.
pub async fn run(ctx: &CommandContext, arguments: Verify) -> Result<CommandResult, Failure> {
    let (source, anchor) = (EnclaveSource::of(&arguments.enclave)?, TrustAnchor::of(&arguments.trust)?);
    let seen = arguments.known.as_deref().map(|path| seen(path, &source)).transpose()?.unwrap_or_default();
    let work = audit::run(&source, &anchor, seen, ctx.now());
    let report = waiting("Verifying", work).await.map_err(|reason| unreachable(&source, &reason))?;
    Ok(report.answer())
}

fn seen(path: &Path, source: &EnclaveSource) -> Result<RollbackState, Failure> {
    let state = WatchState::read(path, &source.name())?;
    let next = "Give the file that `briefcase enclave watch --state` wrote.";
    state.map(|state| state.seen()).ok_or_else(|| Failure::usage(format!("{} is not there.", path.display()), next))
}

/// The enclave was not reached, which proves nothing about it.
pub fn unreachable(source: &EnclaveSource, reason: &str) -> Failure {
    let text = format!("{} could not be reached: {reason}.", source.name());
    Failure::new("unavailable", text, "Check the network and the address, and try again.")
}
