//! `briefcase settings`

use std::time::Duration;

use briefcase_api::Change;
use briefcase_types::Settings;
use clap::{Args, Subcommand};

use crate::{
    change, context::CommandContext, failure::Failure, output::TextOutput, printer::CommandResult, time_format,
};

const EXAMPLES: &str = "\
Examples:
  briefcase settings show
  briefcase settings set --label-time 8h      agents keep labels for 8 hours
  briefcase settings set --label-time 1h      the default";

/// Show and change the settings of the whole briefcase
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum SettingsCommand {
    /// Show the settings
    #[command(after_help = EXAMPLES)]
    Show,
    /// Change a setting
    #[command(after_help = EXAMPLES)]
    Set(Set),
}

/// The settings to change.
#[derive(Debug, Args)]
pub struct Set {
    /// How long an agent keeps a label after it last received labelled data, such as 30m, 8h or 2d
    #[arg(long, value_name = "TIME", value_parser = time_format::duration)]
    label_time: Option<Duration>,
}

impl SettingsCommand {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let settings = ctx.client.settings().await?;
        let Self::Set(set) = self else { return Ok(CommandResult::new(shown(&settings), &settings)) };
        let Some(label_time) = set.label_time else {
            return Err(Failure::usage(
                "No option given.",
                "Give --label-time; `briefcase settings set --help` has examples.",
            ));
        };
        let seconds = u32::try_from(label_time.as_secs()).unwrap_or(u32::MAX);
        let label_seconds = Some(seconds).filter(|seconds| *seconds != Settings::LABEL_SECONDS);
        let applied = change::confirm(ctx, Change::SetSettings { settings: Settings { label_seconds } }).await?;
        Ok(change::answer("The setting is changed.", &applied))
    }
}

fn shown(settings: &Settings) -> TextOutput {
    let mut output = TextOutput::new();
    let seconds = settings.label_seconds.unwrap_or(Settings::LABEL_SECONDS);
    output.field("label time", time_format::length(seconds));
    output
}
