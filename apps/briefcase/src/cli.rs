//! The command line: what there is, and which file does it.

use std::process::ExitCode;

use briefcase_api::Problem;
use clap::{Args, Parser, Subcommand, error::ErrorKind};

use crate::{
    command::{
        agent, approvals, backup, budget, completions, console, daemon, decide, demo, doctor, enclave, factor, fsck,
        grants, lock, man, policy, receipts, secret, server, setup, status, tools, why,
    },
    context::CommandContext,
    failure::{EXIT_CODES, Failure},
    printer::{self, CommandResult},
};

const EXAMPLES: &str = "\
First steps:
  briefcase demo              see what it does, in a temporary directory
  briefcase setup             make your briefcase and start it
  briefcase server add files --read-all-hinted -- \\
      npx -y @modelcontextprotocol/server-filesystem ~/notes
  briefcase approvals --watch answer what your agents ask for
  briefcase receipts verify   prove that the record was not changed
";

/// Decide, approve, record and prove every tool call of your agents. Your keys stay here.
#[derive(Debug, Parser)]
#[command(name = "briefcase", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
pub struct Cli {
    /// Print one JSON document on stdout, and errors as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// An argument group without arguments.
#[derive(Clone, Copy, Debug, Args)]
pub struct Nothing {}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the main job in a temporary directory: allowed, denied, approved, proved
    Demo(demo::Demo),
    /// Set up Briefcase: a key for the vault, a PIN for decisions, an agent
    Setup(setup::Setup),
    /// Start briefcased
    Up(daemon::Up),
    /// Stop briefcased
    Down(daemon::Down),
    /// Unlock the vault
    Unlock(lock::Unlock),
    /// Lock: remove secrets from memory and refuse calls
    Lock(lock::Lock),
    /// Show status
    Status(status::Status),
    /// Check for problems and missing protections
    Doctor(doctor::Doctor),
    /// Manage agents
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Manage MCP servers
    #[command(subcommand)]
    Server(server::Server),
    /// List tools with access and risk
    Tools(tools::Tools),
    /// Set access, price and labels of a tool
    #[command(subcommand)]
    Tool(tools::Tool),
    /// Show, edit and test the policy
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Explain why a call was allowed, needed approval, or was refused
    Why(why::Why),
    /// Review approval requests
    Approvals(approvals::Approvals),
    /// Approve a request
    Approve(decide::Approve),
    /// Deny a request
    Deny(decide::Deny),
    /// Limits on calls and money
    #[command(subcommand)]
    Budget(budget::Budget),
    /// Manage saved approvals
    #[command(subcommand)]
    Grants(grants::Grants),
    /// Show and verify receipts
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// Manage secrets in the vault; no command shows a value
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Manage authentication methods: PIN and passkeys
    #[command(subcommand)]
    Factor(factor::Factor),
    /// Verify and watch browser enclaves
    #[command(subcommand)]
    Enclave(enclave::Enclave),
    /// Open the console in a browser
    Console(console::Console),
    /// Write a sealed backup of everything
    Backup(backup::Backup),
    /// Restore a backup to a new installation
    Restore(backup::Restore),
    /// Check the whole record and state on disk
    Fsck(fsck::Fsck),
    /// Print completions for a shell
    Completions(completions::Completions),
    /// Write the manual pages into a folder
    Man(man::Man),
}

impl Command {
    /// Does it.
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::Demo(command) => Box::pin(command.run(ctx)).await,
            Self::Setup(command) => Box::pin(command.run(ctx)).await,
            Self::Up(command) => Box::pin(command.run(ctx)).await,
            Self::Down(command) => command.run(ctx).await,
            Self::Unlock(command) => command.run(ctx).await,
            Self::Lock(command) => command.run(ctx).await,
            Self::Status(command) => command.run(ctx).await,
            Self::Doctor(command) => command.run(ctx).await,
            Self::Agent(command) => Box::pin(command.run(ctx)).await,
            Self::Server(command) => Box::pin(command.run(ctx)).await,
            Self::Tools(command) => command.run(ctx).await,
            Self::Tool(command) => Box::pin(command.run(ctx)).await,
            Self::Policy(command) => Box::pin(command.run(ctx)).await,
            Self::Why(command) => command.run(ctx).await,
            Self::Approvals(command) => Box::pin(command.run(ctx)).await,
            Self::Approve(command) => Box::pin(command.run(ctx)).await,
            Self::Deny(command) => Box::pin(command.run(ctx)).await,
            Self::Budget(command) => Box::pin(command.run(ctx)).await,
            Self::Grants(command) => Box::pin(command.run(ctx)).await,
            Self::Receipts(command) => Box::pin(command.run(ctx)).await,
            Self::Secret(command) => Box::pin(command.run(ctx)).await,
            Self::Factor(command) => Box::pin(command.run(ctx)).await,
            Self::Enclave(command) => Box::pin(command.run(ctx)).await,
            Self::Console(command) => command.run(ctx).await,
            Self::Backup(command) => Box::pin(command.run(ctx)).await,
            Self::Restore(command) => Box::pin(command.run(ctx)).await,
            Self::Fsck(command) => Box::pin(command.run(ctx)).await,
            Self::Completions(command) => command.run(ctx),
            Self::Man(command) => command.run(),
        }
    }
}

/// Reports a command line that cannot be understood; help and version are no errors.
pub fn misused(error: &clap::Error) -> ExitCode {
    let wanted = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !wanted && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text.trim_start_matches("error: ").trim().to_owned();
        printer::report(&Problem::new("usage", message, "See `briefcase --help`."), true);
    } else {
        // A closed pipe is no error here either.
        let _ = error.print();
    }
    ExitCode::from(if wanted { 0 } else { 2 })
}
