//! The command line.

use std::{
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use briefcase_private_fs::{FileAccess, write};
use briefcase_tlog::{LogPolicy, LogVerifierKey};
use clap::{Parser, Subcommand};
use serde_json::json;

use crate::{
    append, cosign_client,
    error::CommandError,
    key::{KeyOwner, NoteSigner},
    log::SignedLog,
    output::CommandOutput,
    witness::{self, WitnessService, WitnessState},
};

const EXAMPLES: &str = "\
Examples:
  briefcase-log key ~/log.key --name releases.example/log --for log
  briefcase-log init public --key ~/log.key
  briefcase-log add public kms-manifest.json --key ~/log.key
  briefcase-log collect public --policy policy.txt       ask the witnesses in the policy
  briefcase-log proof public kms-manifest.json --policy policy.txt --out kms-manifest.tlog-proof
  briefcase-log check public --log releases.example/log+7ff1a2b3+AbC...
  briefcase-log witness ~/seen --key ~/witness.key --policy logs.txt --listen 127.0.0.1:8404

Exit codes:
  0  done
  1  a check failed, or too few witnesses cosigned
  2  usage error: the command line or a file given with it is invalid";

/// Keep a transparency log as a folder of static files, or run a witness for such logs
#[derive(Debug, Parser)]
#[command(name = "briefcase-log", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Print one JSON document on stdout, and errors as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a private key, or show its public half
    #[command(after_help = "Example:\n  briefcase-log key ~/log.key --name releases.example/log --for log")]
    Key {
        /// The key's file; with --name, a missing file is created, readable by you alone
        file: PathBuf,
        /// The name of the new key: a log's origin, or a witness's name
        #[arg(long)]
        name: Option<String>,
        /// The key's purpose
        #[arg(long = "for", value_enum, default_value = "log")]
        owner: KeyOwner,
    },
    /// Create an empty log
    #[command(after_help = "Example:\n  briefcase-log init public --key ~/log.key")]
    Init {
        /// The folder to serve
        log: PathBuf,
        /// The log's private key; keep it outside the log's folder
        #[arg(long)]
        key: PathBuf,
    },
    /// Append a file's bytes and sign the new checkpoint
    #[command(after_help = "Example:\n  briefcase-log add public kms-manifest.json --key ~/log.key")]
    Add {
        /// The log's folder
        log: PathBuf,
        /// The entry; its bytes are appended unchanged
        file: PathBuf,
        /// The log's private key
        #[arg(long)]
        key: PathBuf,
    },
    /// Ask witnesses to cosign the checkpoint
    #[command(after_help = "Example:\n  briefcase-log collect public --policy policy.txt")]
    Collect {
        /// The log's folder
        log: PathBuf,
        /// A C2SP tlog-policy: the log, witnesses with their addresses, and the quorum
        #[arg(long)]
        policy: PathBuf,
    },
    /// Write the proof that a file is in the log
    #[command(after_help = "Example:\n  briefcase-log proof public kms-manifest.json --policy policy.txt --out proof")]
    Proof {
        /// The log's folder
        log: PathBuf,
        /// The entry
        file: PathBuf,
        /// The policy that the proof must satisfy
        #[arg(long)]
        policy: PathBuf,
        /// The output file; default stdout
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Verify every byte of a log
    #[command(after_help = "Example:\n  briefcase-log check public --log releases.example/log+7ff1a2b3+AbC...")]
    Check {
        /// The log's folder
        log: PathBuf,
        /// The log's public key, as `key` prints it
        #[arg(long = "log")]
        key: String,
    },
    /// Run a witness that cosigns checkpoints
    #[command(
        after_help = "Example:\n  briefcase-log witness ~/seen --key ~/witness.key --policy logs.txt --listen 127.0.0.1:8404"
    )]
    Witness {
        /// The folder for the last cosigned checkpoints; never restore an older copy of it
        state: PathBuf,
        /// The witness's private key
        #[arg(long)]
        key: PathBuf,
        /// A C2SP tlog-policy whose `log` lines are the logs to witness
        #[arg(long)]
        policy: PathBuf,
        /// The address to listen on; put a TLS server in front of it
        #[arg(long, default_value = "127.0.0.1:8404")]
        listen: SocketAddr,
    },
}

impl Cli {
    pub fn run(self) -> Result<CommandOutput, CommandError> {
        let json = self.json;
        match self.command {
            Command::Key { file, name, owner } => key(&file, name.as_deref(), owner),
            Command::Init { log, key } => init(&log, &key),
            Command::Add { log, file, key } => add(&log, &file, &key),
            Command::Collect { log, policy } => block_on(collect(&log, &policy)),
            Command::Proof { log, file, policy, out } => proof(&log, &file, &policy, out.as_deref()),
            Command::Check { log, key } => check(&log, &key),
            Command::Witness { state, key, policy, listen } => block_on(witness(&state, &key, &policy, listen, json)),
        }
    }
}

fn block_on(work: impl Future<Output = Result<CommandOutput, CommandError>>) -> Result<CommandOutput, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CommandError::file(Path::new("tokio")))?.block_on(work)
}

fn key(file: &Path, name: Option<&str>, owner: KeyOwner) -> Result<CommandOutput, CommandError> {
    let key = match name {
        Some(name) => NoteSigner::make(file, owner, name)?,
        None => NoteSigner::read(file, owner)?,
    };
    let verifier = key.verifier(owner)?;
    Ok(CommandOutput::new([verifier.clone()], json!({ "name": key.name(), "public": verifier })))
}

fn init(log: &Path, key: &Path) -> Result<CommandOutput, CommandError> {
    let key = NoteSigner::read(key, KeyOwner::Log)?;
    append::init(log, &key)?;
    let verifier = key.verifier(KeyOwner::Log)?;
    Ok(CommandOutput::new([format!("Empty log created: {verifier}")], json!({ "size": 0, "public": verifier })))
}

fn add(log: &Path, file: &Path, key: &Path) -> Result<CommandOutput, CommandError> {
    let key = NoteSigner::read(key, KeyOwner::Log)?;
    let index = append::add(log, &key, &entry(file)?)?;
    Ok(CommandOutput::new([format!("Entry {index}, size {}", index + 1)], json!({ "index": index, "size": index + 1 })))
}

async fn collect(log: &Path, policy: &Path) -> Result<CommandOutput, CommandError> {
    let policy = read_policy(policy)?;
    let now = witness::now();
    let (asked, head) = cosign_client::collect(log, &policy, now).await?;
    let enough = policy.check(head.note().as_bytes(), now.saturating_add(300)).is_ok();
    let line = |one: &cosign_client::CosignResult| match &one.failure {
        None => format!("{}: cosigned", one.witness),
        Some(failure) => format!("{}: {failure}", one.witness),
    };
    let verdict = if enough { "The quorum is reached." } else { "Too few witnesses cosigned." };
    let lines = asked.iter().map(line).chain([verdict.to_owned()]);
    let witnesses: Vec<_> = asked
        .iter()
        .map(|one| json!({ "witness": one.witness, "cosigned": one.failure.is_none(), "reason": one.failure }))
        .collect();
    let json = json!({ "size": head.checkpoint().size, "quorum": enough, "witnesses": witnesses });
    Ok(CommandOutput { failed: !enough, ..CommandOutput::new(lines, json) })
}

fn proof(log: &Path, file: &Path, policy: &Path, out: Option<&Path>) -> Result<CommandOutput, CommandError> {
    let policy = read_policy(policy)?;
    let (log, entry) = (cosign_client::open_for_policy(log, &policy)?, entry(file)?);
    let index = log.find(&entry)?.ok_or(CommandError::NoEntry)?;
    let proof = log.prove(index)?;
    let witnessed = proof.verify_by(&entry, &policy, witness::now().saturating_add(300))?;
    let (text, size) = (proof.text(), log.size());
    let names: Vec<&str> = witnessed.cosigned().iter().map(|(name, _)| &**name).collect();
    let json = json!({ "index": index, "size": size, "cosigned": names, "proof": text });
    let Some(out) = out else { return Ok(CommandOutput::new(text.lines().map(str::to_owned), json)) };
    write(out, text.as_bytes(), FileAccess::Public)?;
    Ok(CommandOutput::new([format!("Entry {index} of {size}, cosigned by {}", names.join(", "))], json))
}

fn check(log: &Path, key: &str) -> Result<CommandOutput, CommandError> {
    let key: LogVerifierKey = key.parse()?;
    let log = SignedLog::open(log, &key)?;
    log.check()?;
    let size = log.size();
    Ok(CommandOutput::new(
        [format!("{size} entries; every tile and the checkpoint are valid")],
        json!({ "size": size }),
    ))
}

async fn witness(
    state: &Path,
    key: &Path,
    policy: &Path,
    listen: SocketAddr,
    json: bool,
) -> Result<CommandOutput, CommandError> {
    let key = NoteSigner::read(key, KeyOwner::Witness)?;
    let (logs, witness) = (read_policy(policy)?, key.witness()?);
    let state = WitnessState::open(state)?;
    let listener = witness::bind(listen).await?;
    let address = listener.local_addr().map_err(CommandError::file(Path::new("listen")))?;
    let line = if json {
        json!({ "address": address.to_string(), "public": witness.to_string() }).to_string()
    } else {
        format!("http://{address} witnesses as {witness}")
    };
    let _reader_left = writeln!(io::stdout().lock(), "{line}");
    witness::serve(listener, WitnessService { state, key, witness, logs }).await?;
    Ok(CommandOutput::new([], json!({})))
}

fn read_policy(path: &Path) -> Result<LogPolicy, CommandError> {
    let text = read(path, 64 * 1024)?;
    Ok(String::from_utf8_lossy(&text).parse()?)
}

fn entry(path: &Path) -> Result<Vec<u8>, CommandError> {
    let bytes = read(path, 65_535)?;
    if bytes.is_empty() { Err(CommandError::EntryLength) } else { Ok(bytes) }
}

/// Reads a file of at most this many bytes.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(CommandError::file(path))?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(CommandError::file(path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(CommandError::EntryLength)
    }
}
