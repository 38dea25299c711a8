//! The arguments of `briefcase`: every command and its file.

use clap::{Parser, Subcommand};

use crate::{
    command::{
        agent, approvals, backup, budget, clock, completions, console, daemon, decide, demo, doctor, enclave, factor,
        fsck, grants, lock, man, policy, receipts, secret, server, settings, setup, status, tools, why,
    },
    context::CommandContext,
    failure::{EXIT_CODES, Failure},
    printer::CommandResult,
};

const EXAMPLES: &str = "\
First steps:
  briefcase demo              see what it does, in a temporary directory
  briefcase setup             set up Briefcase and start it
  briefcase server add files --read-all-hinted -- \\
      npx -y @modelcontextprotocol/server-filesystem ~/notes
  briefcase approvals --watch approve or deny the requests of your agents
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
    pub command: BriefcaseCommand,
}

/// One command.
#[derive(Debug, Subcommand)]
pub enum BriefcaseCommand {
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
    /// Show and change the settings of the whole briefcase
    #[command(subcommand)]
    Settings(settings::SettingsCommand),
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
    /// Compare the record's time with the computer's clock
    #[command(subcommand)]
    Clock(clock::Clock),
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

impl BriefcaseCommand {
    /// Runs the command.
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::Demo(command) => command.run(ctx),
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
            Self::Settings(command) => Box::pin(command.run(ctx)).await,
            Self::Why(command) => command.run(ctx).await,
            Self::Approvals(command) => Box::pin(command.run(ctx)).await,
            Self::Approve(command) => Box::pin(command.run(ctx)).await,
            Self::Deny(command) => Box::pin(command.run(ctx)).await,
            Self::Budget(command) => Box::pin(command.run(ctx)).await,
            Self::Grants(command) => Box::pin(command.run(ctx)).await,
            Self::Receipts(command) => Box::pin(command.run(ctx)).await,
            Self::Secret(command) => Box::pin(command.run(ctx)).await,
            Self::Clock(command) => Box::pin(command.run(ctx)).await,
            Self::Factor(command) => Box::pin(command.run(ctx)).await,
            Self::Enclave(command) => command.run(ctx),
            Self::Console(command) => command.run(ctx).await,
            Self::Backup(command) => Box::pin(command.run(ctx)).await,
            Self::Restore(command) => Box::pin(command.run(ctx)).await,
            Self::Fsck(command) => Box::pin(command.run(ctx)).await,
            Self::Completions(command) => command.run(ctx),
            Self::Man(command) => command.run(),
        }
    }
}
