//! The command line: what there is, and which file does it.

use std::process::ExitCode;

use briefcase_api::Problem;
use clap::{Args, Parser, Subcommand, error::ErrorKind};

use crate::{
    command::{
        agent, approvals, backup, budget, completions, console, daemon, decide, demo, doctor, enclave, factor, fsck,
        grants, lock, man, policy, receipts, secret, server, setup, status, tools, why,
    },
    failure::{EXIT_CODES, Failure},
    screen::{self, Answer},
    surroundings::Surroundings,
};

const EXAMPLES: &str = "\
First steps:
  briefcase demo              see what it does, in a throw-away home
  briefcase setup             make your briefcase and start it
  briefcase server add files --read-all-hinted -- \\
      npx -y @modelcontextprotocol/server-filesystem ~/notes
  briefcase approvals --watch answer what your agents ask for
  briefcase receipts verify   prove that the record was not changed
";

/// Every tool call of your agents: decided, asked about, recorded, provable. Your keys stay here.
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
    /// See the main job in a throw-away home: allowed, denied, asked, proved
    Demo(demo::Demo),
    /// Make your briefcase: a key for the vault, a PIN for decisions, an agent
    Setup(setup::Setup),
    /// Start briefcased
    Up(daemon::Up),
    /// Stop briefcased
    Down(daemon::Down),
    /// Open the vault
    Unlock(lock::Unlock),
    /// Close the vault: secrets leave memory, calls are refused
    Lock(lock::Lock),
    /// Show how things stand
    Status(status::Status),
    /// Look for what is broken or weaker than it could be
    Doctor(doctor::Doctor),
    /// Agents: who may ask for tools
    #[command(subcommand)]
    Agent(agent::Agent),
    /// MCP servers: where tools come from
    #[command(subcommand)]
    Server(server::Server),
    /// List tools, their class and risk
    Tools(tools::Tools),
    /// Say what a tool does, costs and returns
    #[command(subcommand)]
    Tool(tools::Tool),
    /// The rules: what runs, what asks, what never runs
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Why a call was allowed, asked about or refused
    Why(why::Why),
    /// Answer what your agents ask for
    Approvals(approvals::Approvals),
    /// Allow one question
    Approve(decide::Approve),
    /// Deny one question
    Deny(decide::Deny),
    /// Limits on calls and money
    #[command(subcommand)]
    Budget(budget::Budget),
    /// Standing rules that you allowed beyond once
    #[command(subcommand)]
    Grants(grants::Grants),
    /// The record, and its proof
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// Secrets in the vault; no command shows one
    #[command(subcommand)]
    Secret(secret::Secret),
    /// What proves that you are there: PIN and passkeys
    #[command(subcommand)]
    Factor(factor::Factor),
    /// Browser enclaves: is what is served a release?
    #[command(subcommand)]
    Enclave(enclave::Enclave),
    /// Open the console in a browser
    Console(console::Console),
    /// Write a sealed backup of everything
    Backup(backup::Backup),
    /// Put a backup where no briefcase is yet
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
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        match self {
            Self::Demo(command) => Box::pin(command.run(around)).await,
            Self::Setup(command) => Box::pin(command.run(around)).await,
            Self::Up(command) => Box::pin(command.run(around)).await,
            Self::Down(command) => command.run(around).await,
            Self::Unlock(command) => command.run(around).await,
            Self::Lock(command) => command.run(around).await,
            Self::Status(command) => command.run(around).await,
            Self::Doctor(command) => command.run(around).await,
            Self::Agent(command) => Box::pin(command.run(around)).await,
            Self::Server(command) => Box::pin(command.run(around)).await,
            Self::Tools(command) => command.run(around).await,
            Self::Tool(command) => Box::pin(command.run(around)).await,
            Self::Policy(command) => Box::pin(command.run(around)).await,
            Self::Why(command) => command.run(around).await,
            Self::Approvals(command) => Box::pin(command.run(around)).await,
            Self::Approve(command) => Box::pin(command.run(around)).await,
            Self::Deny(command) => Box::pin(command.run(around)).await,
            Self::Budget(command) => Box::pin(command.run(around)).await,
            Self::Grants(command) => Box::pin(command.run(around)).await,
            Self::Receipts(command) => Box::pin(command.run(around)).await,
            Self::Secret(command) => Box::pin(command.run(around)).await,
            Self::Factor(command) => Box::pin(command.run(around)).await,
            Self::Enclave(command) => Box::pin(command.run(around)).await,
            Self::Console(command) => command.run(around).await,
            Self::Backup(command) => Box::pin(command.run(around)).await,
            Self::Restore(command) => Box::pin(command.run(around)).await,
            Self::Fsck(command) => Box::pin(command.run(around)).await,
            Self::Completions(command) => command.run(around),
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
        screen::report(&Problem::new("usage", message, "See `briefcase --help`."), true);
    } else {
        // A closed pipe is no error here either.
        let _ = error.print();
    }
    ExitCode::from(if wanted { 0 } else { 2 })
}
