//! `briefcase server set`

use briefcase_api::Change;
use briefcase_types::{LoopbackOwner, ServerId, ServerSettings};
use clap::{Args, ValueEnum};

use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    printer::{CommandResult, waiting},
};

const EXAMPLES: &str = "\
Examples:
  briefcase server set slow --start-timeout 300       it needs up to 5 minutes to start
  briefcase server set files --message-limit 64       results of up to 64 MiB
  briefcase server set old --stdio pipes              it opens /dev/stdin by path
  briefcase server set trace --forward-meta baggage   send this `_meta` member of agents
  briefcase server set trace --no-forward-meta        send none again
  briefcase server set notes --accept-listener        its port now belongs to another program: accept that one";

/// Change the settings of a server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Set {
    /// The server
    name: ServerId,
    #[command(flatten)]
    start: StartSettings,
    /// Accept the program that listens now on the server's port of this machine; its secret goes to no other
    #[arg(long)]
    accept_listener: bool,
    /// Member of `_meta` in agents' calls to send to the server (may be repeated; adds to the list)
    #[arg(long, value_name = "NAME", num_args = 1)]
    forward_meta: Vec<String>,
    /// Send no member of `_meta` in agents' calls
    #[arg(long, conflicts_with = "forward_meta")]
    no_forward_meta: bool,
    /// Tell the server the name and version of the agent's client
    #[arg(long, value_name = "WHETHER")]
    client_identity: Option<Whether>,
    /// Let the server ask you for a PIN, a password or a key; such requests are marked
    #[arg(long, value_name = "WHETHER")]
    ask_for_secrets: Option<Whether>,
}

/// The settings that a server may need before it can be reached at all.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct StartSettings {
    /// Seconds to start and to answer the handshake (1 to 900; 60 by default)
    #[arg(long, value_name = "SECONDS")]
    start_timeout: Option<u32>,
    /// Longest message of the server in MiB (1 to 64; 4 by default)
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=64))]
    message_limit: Option<u32>,
    /// Standard input and output of a local server: `sockets` keep other processes out
    #[arg(long, value_name = "KIND")]
    stdio: Option<Stdio>,
}

impl StartSettings {
    /// The settings with the given options. A value at its default is left out.
    pub fn applied_to(self, mut settings: ServerSettings) -> ServerSettings {
        if let Some(seconds) = self.start_timeout {
            settings.start_timeout_s = Some(seconds).filter(|seconds| *seconds != ServerSettings::START_TIMEOUT);
        }
        if let Some(mib) = self.message_limit {
            let bytes = mib.saturating_mul(1 << 20);
            settings.message_bytes = Some(bytes).filter(|bytes| *bytes != ServerSettings::MESSAGE_BYTES);
        }
        if let Some(stdio) = self.stdio {
            settings.pipes = stdio == Stdio::Pipes;
        }
        settings
    }
}

/// The standard streams of a local server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stdio {
    /// Socket pairs, which no other process can open.
    Sockets,
    /// Pipes, for programs that open /dev/stdin or /dev/stdout by path.
    Pipes,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Whether {
    Yes,
    No,
}

impl Set {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let name = self.name.clone();
        let servers = ctx.client.servers().await?;
        let Some(server) = servers.into_iter().find(|server| server.name == name) else {
            return Err(Failure::usage(
                format!("There is no server `{name}`."),
                "`briefcase server list` shows the names.",
            ));
        };
        let accept_listener = self.accept_listener;
        let mut settings = self.applied_to(server.settings.clone());
        if accept_listener {
            settings.loopback_owner = Some(listener(ctx, &name).await?);
        }
        if settings == server.settings {
            return Err(Failure::usage(
                format!("Nothing changes for server `{name}`."),
                "Give an option with a new value; `briefcase server set --help` has examples.",
            ));
        }
        let applied = change::confirm(ctx, Change::SetServer { name: name.clone(), settings }).await?;
        Ok(change::answer(&format!("Server `{name}` is set."), &applied))
    }

    /// The settings with the given options. A value at its default is left out.
    fn applied_to(self, mut settings: ServerSettings) -> ServerSettings {
        settings = self.start.applied_to(settings);
        if self.no_forward_meta {
            settings.forward_meta.clear();
        }
        settings.forward_meta.extend(self.forward_meta);
        if let Some(whether) = self.client_identity {
            settings.client_identity = whether == Whether::Yes;
        }
        if let Some(whether) = self.ask_for_secrets {
            settings.ask_for_secrets = whether == Whether::Yes;
        }
        settings
    }
}

/// The process that listens now on the server's port. The person sees it in the change that follows.
async fn listener(ctx: &CommandContext, name: &ServerId) -> Result<LoopbackOwner, Failure> {
    let unknown = || {
        Failure::usage(
            format!("The program behind the port of server `{name}` cannot be found out."),
            "Without it, any program that takes the port gets the server's secret. Use a local command instead of a URL.",
        )
    };
    waiting("Looking for the listener", ctx.client.listener(name)).await?.ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        set: Set,
    }

    fn set(options: &[&str], settings: ServerSettings) -> ServerSettings {
        let line = ["set", "files"].iter().chain(options);
        Line::try_parse_from(line).unwrap().set.applied_to(settings)
    }

    #[test]
    fn options_change_their_setting_alone() {
        let old = ServerSettings { pipes: true, forward_meta: ["a".into()].into(), ..Default::default() };
        let new = set(&["--message-limit", "64", "--forward-meta", "b"], old.clone());
        assert_eq!(new.message_bytes, Some(64 << 20));
        assert_eq!(new.forward_meta, ["a".to_owned(), "b".to_owned()].into());
        assert!(new.pipes);
        assert!(set(&["--no-forward-meta"], old.clone()).forward_meta.is_empty());
        assert_eq!(set(&["--stdio", "sockets", "--no-forward-meta"], old), ServerSettings::default());
    }

    #[test]
    fn a_default_is_left_out() {
        let old = ServerSettings { start_timeout_s: Some(5), message_bytes: Some(1 << 20), ..Default::default() };
        assert!(set(&["--start-timeout", "60", "--message-limit", "4"], old).is_default());
    }
}
