//! `briefcase receipts proof`

use std::path::PathBuf;

use briefcase_types::ReceiptIndex;
use clap::Args;
use serde_json::json;

use crate::{
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone},
    printer::CommandResult,
};

const EXAMPLES: &str = "\
Examples:
  briefcase receipts proof r1042                      print it (C2SP tlog-proof)
  briefcase receipts proof r1042 --out proof-r1042    write receipt and proof into a folder
  briefcase receipts verify --proof proof-r1042/r1042.tlog-proof \\
      --receipt proof-r1042/r1042.json --key KEY";

/// Write the proof that one receipt is in the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProofArgs {
    /// The receipt, such as r1042
    receipt: ReceiptIndex,
    /// A folder for the receipt and its proof
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl ProofArgs {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let detail = ctx.client.receipt(self.receipt).await?;
        let mut output = TextOutput::new();
        match &self.out {
            None => output.block(&detail.proof.text, "", Tone::Plain),
            Some(folder) => {
                let written = || -> std::io::Result<()> {
                    std::fs::create_dir_all(folder)?;
                    let name = |ending: &str| folder.join(format!("{}.{ending}", detail.id));
                    std::fs::write(name("json"), briefcase_json::canonical(&detail.receipt))?;
                    std::fs::write(name("tlog-proof"), &detail.proof.text)
                };
                written().map_err(|error| Failure::file(folder, &error))?;
                output.text(format!("{} and its proof are in {}.", detail.id, folder.display()))
            }
        };
        Ok(CommandResult::new(output, &json!({ "receipt": detail.receipt, "proof": detail.proof.text })))
    }
}
