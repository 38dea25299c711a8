//! `briefcase completions SHELL`

use clap::{Args, CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;
use serde_json::json;

use crate::{
    cli::Cli,
    context::CommandContext,
    failure::Failure,
    output::TextOutput,
    printer::{self, CommandResult},
};

const EXAMPLES: &str = "\
Examples:
  briefcase completions bash > ~/.local/share/bash-completion/completions/briefcase
  briefcase completions zsh  > ~/.zfunc/_briefcase
  briefcase completions fish > ~/.config/fish/completions/briefcase.fish";

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// bash, elvish, fish, powershell or zsh
    shell: String,
}

impl Completions {
    pub fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let shell = Shell::from_str(&self.shell, true)
            .map_err(|_| Failure::usage("That shell is not known.", "Choose bash, elvish, fish, powershell or zsh."))?;
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "briefcase", &mut script);
        if !ctx.json {
            printer::raw(&script)?;
        }
        let script = String::from_utf8_lossy(&script);
        Ok(CommandResult::new(TextOutput::new(), &json!({ "shell": self.shell, "script": script })))
    }
}
