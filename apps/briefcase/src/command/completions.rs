//! `briefcase completions SHELL`

use clap::{Args, CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;
use serde_json::json;

use crate::{
    cli::Cli,
    failure::Failure,
    page::Page,
    screen::{self, Answer},
    surroundings::Surroundings,
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
    pub fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        let shell = Shell::from_str(&self.shell, true)
            .map_err(|_| Failure::usage("That shell is not known.", "Choose bash, elvish, fish, powershell or zsh."))?;
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "briefcase", &mut script);
        if !around.json {
            screen::raw(&script)?;
        }
        let script = String::from_utf8_lossy(&script);
        Ok(Answer::new(Page::new(), &json!({ "shell": self.shell, "script": script })))
    }
}
