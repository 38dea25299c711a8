//! `briefcase man DIR`

use std::{io::Write as _, path::PathBuf};

use clap::{Args, CommandFactory as _};
use serde_json::json;

use crate::{
    cli::Cli,
    failure::{EXIT_CODES, Failure},
    output::TextOutput,
    printer::CommandResult,
};

const EXAMPLES: &str = "\
Example:
  briefcase man ~/.local/share/man/man1 && man briefcase-server-add";

/// Write the manual pages into a folder
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Man {
    /// The folder; it is created if it does not exist
    dir: PathBuf,
}

impl Man {
    pub fn run(self) -> Result<CommandResult, Failure> {
        let failed = |error: std::io::Error| Failure::file(&self.dir, &error);
        std::fs::create_dir_all(&self.dir).map_err(failed)?;
        clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &self.dir).map_err(failed)?;
        let mut pages = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("briefcase") && name.ends_with(".1") {
                let mut file = std::fs::File::options().append(true).open(&path).map_err(failed)?;
                file.write_all(exit_codes().as_bytes()).map_err(failed)?;
                pages.push(name);
            }
        }
        pages.sort();
        let output = TextOutput::of(format!("{} manual pages are in {}.", pages.len(), self.dir.display()));
        Ok(CommandResult::new(output, &json!({ "dir": self.dir, "pages": pages })))
    }
}

/// The exit codes as a section in roff.
fn exit_codes() -> String {
    let mut text = ".SH \"EXIT CODES\"\n".to_owned();
    for line in EXIT_CODES.lines().skip(1) {
        if let Some((code, meaning)) = line.trim().split_once(' ') {
            text.push_str(&format!(".TP\n{code}\n{}\n", meaning.trim()));
        }
    }
    text
}
