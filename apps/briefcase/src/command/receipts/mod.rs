//! `briefcase receipts`

mod export;
mod list;
mod proof;
mod rows;
mod show;
mod tiles;
mod verify;

use clap::Subcommand;
pub use export::export;
pub use rows::output as rows_output;
pub use verify::{Verify, verify_folder};

use crate::{context::CommandContext, failure::Failure, printer::CommandResult};

const EXAMPLES: &str = "\
Examples:
  briefcase receipts list --agent codex --limit 20
  briefcase receipts show r1042
  briefcase receipts verify                          the daemon's own log, every byte
  briefcase receipts export ~/record-2026-11         then, on any computer, without a daemon:
  briefcase receipts verify ~/record-2026-11 --key KEY
  briefcase receipts proof r1042 --out proof-r1042   one receipt, provable alone";

/// Show and verify receipts
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Receipts {
    /// List receipts, newest first
    List(list::List),
    /// Show one receipt with everything about it
    Show(show::Show),
    /// Prove that the record is complete and unchanged
    Verify(verify::Verify),
    /// Write the whole record into a folder that anyone can verify
    Export(export::Export),
    /// Write the proof that one receipt is in the log
    Proof(proof::ProofArgs),
}

impl Receipts {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::List(command) => command.run(ctx).await,
            Self::Show(command) => command.run(ctx).await,
            Self::Verify(command) => command.run(ctx).await,
            Self::Export(command) => command.run(ctx).await,
            Self::Proof(command) => command.run(ctx).await,
        }
    }
}
