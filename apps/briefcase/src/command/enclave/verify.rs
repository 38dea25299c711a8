//! `briefcase enclave verify`

use std::path::{Path, PathBuf};

use briefcase_release::{ReleasePolicy, RollbackState, unhex};
use clap::Args;

use super::{
    check::{self, Trust},
    source::Source,
    state::State,
};
use crate::{
    context::CommandContext,
    failure::Failure,
    printer::{CommandResult, waiting},
};

const EXAMPLES: &str = "\
Examples:
  briefcase enclave verify https://kms.example.org --policy policy.json
  briefcase enclave verify ./enclave --policy policy.json      a folder, before it is published
  briefcase enclave verify https://kms.example.org --pin 5f3c…  the module that you built yourself

Everything is fetched as browsers fetch it, and again in other guises: a server that shows auditors something else \
is caught. Exit code 1 when a check failed, 10 when the enclave could not be reached.";

/// The policy for the project's own enclave, which the maker of a release gives to the build.
const BUILT_IN: Option<&str> = option_env!("BRIEFCASE_RELEASE_POLICY");

/// Check everything that an enclave serves against its signed, logged and witnessed release
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Verify {
    /// The enclave's address, or a folder with its files
    #[arg(value_name = "URL|DIR")]
    enclave: String,
    #[command(flatten)]
    believed: Believed,
    /// What `watch` keeps of it: nothing older than that is a release
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
}

/// What is believed.
#[derive(Clone, Debug, Args)]
pub struct Believed {
    /// Who signs, which log, which witnesses (form briefcase/release-policy@1)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Instead of a policy: the digest of the one module that may be served
    #[arg(long, value_name = "SHA256", conflicts_with = "policy")]
    pin: Option<String>,
}

impl Believed {
    pub fn trust(&self) -> Result<Trust, Failure> {
        if let Some(pin) = &self.pin {
            let digest = unhex(pin);
            let next = "Give the 64 digits that `sha256sum` prints for the module.";
            return digest.map(Trust::Pin).ok_or_else(|| Failure::usage("--pin is not a digest.", next));
        }
        let text = match (&self.policy, BUILT_IN) {
            (Some(path), _) => std::fs::read(path).map_err(|error| Failure::file(path, &error))?,
            (None, Some(text)) => text.as_bytes().to_vec(),
            (None, None) => {
                let next = "Give a policy from a source you trust with --policy, or a module's digest with --pin.";
                return Err(Failure::usage("This program was built without a release policy.", next));
            }
        };
        let next = "The file must be a policy of the form briefcase/release-policy@1.";
        let policy =
            ReleasePolicy::parse(&text).map_err(|error| Failure::usage(format!("--policy: {error}."), next))?;
        Ok(Trust::Policy(Box::new(policy)))
    }
}

impl Verify {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let (source, trust) = (Source::of(&self.enclave)?, self.believed.trust()?);
        let seen = self.known.as_deref().map(|path| seen(path, &source)).transpose()?.unwrap_or_default();
        let work = check::run(&source, &trust, seen, ctx.now());
        let report = waiting("Verifying", work).await.map_err(|reason| unreachable(&source, &reason))?;
        Ok(report.answer())
    }
}

fn seen(path: &Path, source: &Source) -> Result<RollbackState, Failure> {
    let state = State::read(path, &source.name())?;
    let next = "Give the file that `briefcase enclave watch --state` wrote.";
    state.map(|state| state.seen()).ok_or_else(|| Failure::usage(format!("{} is not there.", path.display()), next))
}

/// It says nothing about the enclave.
pub fn unreachable(source: &Source, reason: &str) -> Failure {
    let text = format!("{} could not be reached: {reason}.", source.name());
    Failure::new("unavailable", text, "Check the network and the address, and try again.")
}
