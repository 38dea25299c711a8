//! Makes a new briefcase: vault, log key, first receipts, a PIN, and one agent. No agent can connect before it is done.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
};

use briefcase_engine::agent_token;
use briefcase_ipc::Paths;
use briefcase_policy::authority::{Authority, AuthorityError, Factor};
use briefcase_ports::{Journal as _, JournalError};
use briefcase_presence::{EnrolError, EnrolmentPermit, FactorsExist, PinFactor};
use briefcase_receipts::{
    ChangeReceipt, Kind, Receipt, StartReceipt, Word, Words,
    checkpoint::{CheckpointError, PublicKey, ReceiptLogOrigin},
};
use briefcase_store::{Durability, ExpectedState, LOG_LIMIT, OpenOptions, Store, StoreError};
use briefcase_types::{AgentId, Clock as _, Entropy, FactorKind, SecretString};
use briefcase_vault::{KdfCost, LogKey, NewSlot, UnlockKey, Unlocked, Vault, VaultError};
use bytes::Bytes;
use serde::Deserialize;

use crate::{
    adapters::{
        companion_files,
        identity::{self, Identity},
        sealed_file,
        sealing::{LogSigner, VaultSeal},
    },
    process::clock::SystemClock,
    state_files::{LOG_KEY_FILE, VAULT_FILE},
};

/// The input of set-up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUpInput {
    pin: SecretString,
    #[serde(default)]
    passphrase: Option<SecretString>,
    #[serde(default)]
    unlock_key: bool,
    #[serde(default)]
    agent: Option<AgentId>,
}

/// Set-up failed, and removed what it had begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The state folder holds a briefcase, or a part of one.
    #[error("there is a briefcase already in {0}, whole or in part; use it, or move the folder away first")]
    Exists(String),
    /// The input cannot be parsed.
    #[error("set-up reads one JSON object from stdin; run `briefcase setup` instead ({0})")]
    SetUpInput(serde_json::Error),
    /// The input names no way to unlock the vault.
    #[error("choose a passphrase, a generated unlock key, or both")]
    NoKey,
    /// A file or folder cannot be made.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The vault cannot be made.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The record cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The key of the log is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The PIN is too weak.
    #[error(transparent)]
    Pin(#[from] EnrolError),
    /// A factor exists; a new briefcase has none.
    #[error(transparent)]
    Factors(#[from] FactorsExist),
    /// The first authority document is invalid.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// Makes the briefcase that stdin describes, and returns the JSON that set-up prints.
///
/// # Errors
/// See [`InitError`].
pub fn init(paths: &Paths, clock: &SystemClock, entropy: &Arc<dyn Entropy>) -> Result<serde_json::Value, InitError> {
    let mut text = zeroize::Zeroizing::new(String::new());
    io::stdin().take(64 * 1024).read_to_string(&mut text)?;
    make(paths, clock, entropy, serde_json::from_str(&text).map_err(InitError::SetUpInput)?)
}

/// The files of a briefcase. Each of them alone may be needed to repair one, so set-up overwrites none.
const PARTS: [&str; 5] = [VAULT_FILE, LOG_KEY_FILE, identity::FILE, "briefcase.db", "head"];
/// Temporary files beside them.
const BESIDE: [&str; 4] = ["briefcase.db-wal", "briefcase.db-shm", "overlap", "lock"];

/// Makes the whole briefcase, or nothing.
///
/// # Errors
/// See [`InitError`].
pub fn make(
    paths: &Paths,
    clock: &SystemClock,
    entropy: &Arc<dyn Entropy>,
    input: SetUpInput,
) -> Result<serde_json::Value, InitError> {
    if PARTS.iter().any(|part| paths.state.join(part).symlink_metadata().is_ok()) {
        return Err(InitError::Exists(paths.state.display().to_string()));
    }
    let made = make_all(paths, clock, entropy, input);
    if made.is_err() {
        // None of these files existed before, and no person has seen a key that opens them.
        for part in PARTS.iter().chain(&BESIDE) {
            let _ = fs::remove_file(paths.state.join(part));
        }
    }
    made
}

fn make_all(
    paths: &Paths,
    clock: &SystemClock,
    entropy: &Arc<dyn Entropy>,
    input: SetUpInput,
) -> Result<serde_json::Value, InitError> {
    private_folder(&paths.state)?;
    private_folder(&paths.config)?;
    let factor = PinFactor::enrol(EnrolmentPermit::first(0)?, &input.pin, entropy.as_ref(), clock.now())?;
    let (unlocked, unlock_key) = make_vault(&paths.state, input.passphrase, input.unlock_key, entropy.as_ref())?;
    let agent = match input.agent {
        Some(agent) => agent,
        None => "default".parse().map_err(io::Error::other)?,
    };
    let token = agent_token::generate(entropy.as_ref());
    let token_file = paths.token_file(&agent);
    make_state(paths, clock, entropy, &unlocked, &factor, &agent, &token)?;
    private_folder(&paths.config.join("agents"))?;
    sealed_file::write(&token_file, token.as_bytes()).map_err(named(&token_file))?;
    let shown = unlock_key.map(|key| key.text().expose(str::to_owned));
    Ok(serde_json::json!({ "unlock_key": shown, "agent": agent, "agent_token_file": token_file }))
}

fn make_vault(
    state: &Path,
    passphrase: Option<SecretString>,
    unlock_key: bool,
    entropy: &dyn Entropy,
) -> Result<(Arc<Unlocked>, Option<UnlockKey>), InitError> {
    let key = unlock_key.then(|| UnlockKey::generate(entropy));
    let path = state.join(VAULT_FILE);
    let passphrase_slot =
        passphrase.as_ref().map(|passphrase| NewSlot::Passphrase { passphrase, cost: KdfCost::DEFAULT });
    let unlocked = match (&key, passphrase_slot) {
        (Some(key), slot) => {
            let (mut vault, unlocked) = Vault::create(&path, NewSlot::UnlockKey(key), "unlock key", entropy)?;
            if let Some(slot) = slot {
                vault.add_slot(&unlocked, slot, "passphrase", entropy)?;
            }
            unlocked
        }
        (None, Some(slot)) => Vault::create(&path, slot, "passphrase", entropy)?.1,
        (None, None) => return Err(InitError::NoKey),
    };
    Ok((Arc::new(unlocked), key))
}

fn make_state(
    paths: &Paths,
    clock: &SystemClock,
    entropy: &Arc<dyn Entropy>,
    unlocked: &Unlocked,
    pin: &PinFactor,
    agent: &AgentId,
    token: &str,
) -> Result<(), InitError> {
    let log_key = LogKey::generate(entropy.as_ref());
    sealed_file::write(&paths.state.join(LOG_KEY_FILE), log_key.seal(unlocked, entropy.as_ref())?.as_bytes())?;
    let identity = Identity::new(log_key.public_key(), entropy.as_ref());
    identity.save(&paths.state)?;
    let (store, _) = Store::open(
        &paths.state,
        OpenOptions {
            origin: ReceiptLogOrigin::new(&identity.install, &identity.incarnation)?,
            key: PublicKey::from_bytes(&log_key.public_key())?,
            signer: Box::new(LogSigner(log_key)),
            seal: Arc::new(VaultSeal::new(unlocked, Arc::clone(entropy))?),
            expect: ExpectedState::ExistingOrNew,
            durability: Durability::Full,
            log_limit: LOG_LIMIT,
        },
    )?;
    let factor = Factor {
        id: pin.id().to_string(),
        kind: FactorKind::Pin.as_str().to_owned(),
        data: serde_json::to_value(pin).map_err(io::Error::other)?,
    };
    let empty = Authority::empty(identity.incarnation);
    let with_factor = empty.add_factor(factor)?;
    let first = with_factor.document.add_agent(agent.clone(), agent_token::digest(token), clock.now())?;
    let document = first.document.encode()?;
    let summary = with_factor.summary.into_iter().chain(first.summary).map(Word::lossy).collect::<Words>();
    let program = Word::lossy(concat!("briefcased/", env!("CARGO_PKG_VERSION")));
    let files = companion_files::recorded(&paths.state)?;
    let at = clock.now();
    let start = Receipt { at, kind: Kind::Start(StartReceipt { incarnation: identity.incarnation, program, files }) };
    let change = Receipt {
        at,
        kind: Kind::Change(ChangeReceipt {
            old: 0,
            new: first.document.version,
            document: first.document.digest()?,
            factor: None,
            summary,
        }),
    };
    drop(store.append(briefcase_ports::Entry { receipt: start, opening: None }, briefcase_ports::Urgency::Lazy));
    let durable = store.change(change, Bytes::from(document), Vec::new());
    durable.blocking_recv().unwrap_or(Err(JournalError::Closed))?;
    store.close()?;
    Ok(())
}

fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(named(path))
}

/// Names the file in an error.
fn named(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{} cannot be made: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::clock::OsEntropy;

    fn made_in(folder: &Path) -> (Paths, Result<serde_json::Value, InitError>) {
        let at = |name: &str| folder.join(name);
        let paths = Paths { state: at("state"), runtime: at("run"), config: at("config") };
        let input = serde_json::from_str(r#"{"pin":"271828","unlock_key":true}"#).unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let made = make(&paths, &SystemClock::default(), &entropy, input);
        (paths, made)
    }

    /// A new vault in the place of one that was moved away would make the other files useless.
    #[test]
    fn no_part_of_a_briefcase_is_written_over() {
        for kept in PARTS {
            let folder = tempfile::tempdir().unwrap();
            let (paths, made) = made_in(folder.path());
            made.unwrap();
            for part in PARTS.iter().filter(|part| **part != kept) {
                fs::remove_file(paths.state.join(part)).unwrap();
            }
            let before = fs::read(paths.state.join(kept)).unwrap();
            assert!(matches!(made_in(folder.path()).1, Err(InitError::Exists(_))), "{kept}");
            assert_eq!(fs::read(paths.state.join(kept)).unwrap(), before, "{kept}");
        }
    }

    /// Otherwise a briefcase would remain whose key no person has seen.
    #[test]
    fn what_was_begun_is_removed_and_can_be_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("config")).unwrap();
        let in_the_way = folder.path().join("config/agents");
        fs::write(&in_the_way, "a file").unwrap();
        let (paths, made) = made_in(folder.path());
        let error = made.unwrap_err().to_string();
        assert!(error.contains(in_the_way.to_str().unwrap()), "the error names the file in the way: {error}");
        assert_eq!(fs::read_dir(&paths.state).unwrap().count(), 0, "nothing is left");
        fs::remove_file(&in_the_way).unwrap();
        made_in(folder.path()).1.unwrap();
    }
}
