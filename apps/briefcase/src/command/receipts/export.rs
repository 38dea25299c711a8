//! `briefcase receipts export`

use std::path::{Path, PathBuf};

use briefcase_receipts::{LogFolder, export::FileSink as _};
use clap::Args;
use serde_json::json;

use super::{
    tiles::{Copying, Daemon},
    verify::{KEY_FILE, Trust, checked, daemon_file, daemon_key, parse_key, refuted},
};
use crate::{
    context::CommandContext,
    failure::Failure,
    output::TextOutput,
    printer::{CommandResult, waiting},
};

const EXAMPLES: &str = "\
Example:
  briefcase receipts export ~/record-2026-11

The folder holds the log in the standard layout (C2SP tlog-tiles): receipts, hashes and the checkpoint, and no argument \
values. It is verified while it is written; the checkpoint is written last.";

/// Write the whole record into a folder that anyone can verify
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// A new or empty folder
    folder: PathBuf,
}

impl Export {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        export(ctx, &self.folder).await
    }
}

/// Exports the daemon's log, verifying it on the way.
pub async fn export(ctx: &CommandContext, path: &Path) -> Result<CommandResult, Failure> {
    std::fs::create_dir_all(path).map_err(|error| Failure::file(path, &error))?;
    let mut entries = std::fs::read_dir(path).map_err(|error| Failure::file(path, &error))?;
    if entries.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty.", path.display()), "Name a new folder."));
    }
    let key_text = daemon_key(ctx).await?;
    let key = parse_key(&key_text)?;
    let head = daemon_file(ctx, "checkpoint").await?;
    let (client, runtime, target) = (ctx.client.clone(), tokio::runtime::Handle::current(), path.to_owned());
    let work = tokio::task::spawn_blocking(move || {
        let mut folder = LogFolder::new(target);
        let source = Daemon::at(client, runtime, head.clone());
        let verified = checked(&Copying { source, folder: &folder }, &key, None, Trust::Daemon);
        let written = folder.write(KEY_FILE, format!("{key_text}\n").as_bytes());
        let written = written.and_then(|()| if verified.is_ok() { folder.write("checkpoint", &head) } else { Ok(()) });
        (verified, written)
    });
    let (verified, written) =
        waiting("Exporting", work).await.map_err(|error| Failure::new("unavailable", error.to_string(), ""))?;
    written.map_err(|error| Failure::file(path, &error))?;
    let verified = match verified {
        Ok(verified) => verified.answer(),
        Err(error) => return Ok(refuted(&error)),
    };
    let size = verified.json.get("size").cloned().unwrap_or_default();
    let mut output = TextOutput::of(format!("{size} receipts are in {}, verified.", path.display()));
    output.next(format!("Anyone can verify them: `briefcase receipts verify {} --key KEY`", path.display()));
    Ok(CommandResult::new(output, &json!({ "folder": path, "size": size })))
}
