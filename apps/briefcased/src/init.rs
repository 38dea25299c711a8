//! A new briefcase: vault, log key, first receipts, a PIN, and one agent. Done before any agent can connect.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
};

use briefcase_ipc::Paths;
use briefcase_policy::authority::{Authority, AuthorityError, Factor};
use briefcase_ports::{Journal as _, JournalError};
use briefcase_presence::{EnrolError, EnrolmentPermit, FactorsExist, PinFactor};
use briefcase_receipts::{
    ChangeReceipt, Kind, Receipt, StartReceipt, Word, Words,
    checkpoint::{CheckpointError, PublicKey, ReceiptLogOrigin},
};
use briefcase_store::{Durability, ExpectedState, LOG_LIMIT, OpenOptions, Store, StoreError};
use briefcase_types::{AgentId, Clock as _, Digest, Entropy, SecretString};
use briefcase_vault::{KdfCost, LogKey, NewSlot, UnlockKey, Unlocked, Vault, VaultError};
use bytes::Bytes;
use serde::Deserialize;

use crate::{
    agents::token_digest,
    keep::{
        identity::{self, Identity},
        presence::PIN,
        sealed_file,
        sealing::{LogSigner, VaultSeal},
    },
    open::{LOG_KEY_FILE, VAULT_FILE},
    process::ambient::SystemClock,
};

/// What set-up asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wishes {
    pin: SecretString,
    #[serde(default)]
    passphrase: Option<SecretString>,
    #[serde(default)]
    unlock_key: bool,
    #[serde(default)]
    agent: Option<AgentId>,
}

/// Why there is no new briefcase. What was begun is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// There is one already, or what is left of one.
    #[error("there is a briefcase already in {0}, whole or in part; use it, or move the folder away first")]
    Exists(String),
    /// The wishes cannot be read.
    #[error("set-up reads one JSON object from stdin; run `briefcase setup` instead ({0})")]
    Wishes(serde_json::Error),
    /// No way to open the vault was chosen.
    #[error("choose a passphrase, a generated unlock key, or both")]
    NoKey,
    /// A file.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The key of the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The PIN.
    #[error(transparent)]
    Pin(#[from] EnrolError),
    /// Never for a new briefcase.
    #[error(transparent)]
    Factors(#[from] FactorsExist),
    /// The first document.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// Makes the briefcase and gives the JSON that set-up prints.
pub fn init(paths: &Paths, clock: &SystemClock, entropy: &Arc<dyn Entropy>) -> Result<serde_json::Value, InitError> {
    let mut text = zeroize::Zeroizing::new(String::new());
    io::stdin().take(64 * 1024).read_to_string(&mut text)?;
    make(paths, clock, entropy, serde_json::from_str(&text).map_err(InitError::Wishes)?)
}

/// What a briefcase is made of. Each of them alone is part of one that may still be put together.
const PARTS: [&str; 5] = [VAULT_FILE, LOG_KEY_FILE, identity::FILE, "briefcase.db", "head"];
/// What comes and goes with them.
const BESIDE: [&str; 3] = ["briefcase.db-wal", "briefcase.db-shm", "lock"];

/// Makes what was wished for, or nothing.
pub fn make(
    paths: &Paths,
    clock: &SystemClock,
    entropy: &Arc<dyn Entropy>,
    wishes: Wishes,
) -> Result<serde_json::Value, InitError> {
    if PARTS.iter().any(|part| paths.state.join(part).symlink_metadata().is_ok()) {
        return Err(InitError::Exists(paths.state.display().to_string()));
    }
    let made = make_all(paths, clock, entropy, wishes);
    if made.is_err() {
        // None of it was there before, and nobody has seen a key that opens it.
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
    wishes: Wishes,
) -> Result<serde_json::Value, InitError> {
    private_folder(&paths.state)?;
    private_folder(&paths.config)?;
    let factor = PinFactor::enrol(EnrolmentPermit::first(0)?, &wishes.pin, entropy.as_ref(), clock.now())?;
    let (unlocked, unlock_key) = make_vault(&paths.state, wishes.passphrase, wishes.unlock_key, entropy.as_ref())?;
    let agent = match wishes.agent {
        Some(agent) => agent,
        None => "default".parse().map_err(io::Error::other)?,
    };
    let token = new_token(entropy.as_ref());
    let token_file = paths.token_file(&agent);
    make_state(paths, clock, entropy, &unlocked, &factor, &agent, &token)?;
    private_folder(&paths.config.join("agents"))?;
    sealed_file::write(&token_file, token.as_bytes()).map_err(named(&token_file))?;
    let shown = unlock_key.map(|key| key.text().expose(str::to_owned));
    Ok(serde_json::json!({ "unlock_key": shown, "agent": agent, "agent_token_file": token_file }))
}

/// A new agent's credential.
#[must_use]
pub fn new_token(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    format!("bca_{}", Digest::from_bytes(bytes))
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
        kind: PIN.to_owned(),
        data: serde_json::to_value(pin).map_err(io::Error::other)?,
    };
    let empty = Authority::empty(identity.incarnation);
    let with_factor = empty.add_factor(factor)?;
    let first = with_factor.document.add_agent(agent.clone(), token_digest(token), clock.now())?;
    let document = first.document.encode()?;
    let summary = with_factor.summary.into_iter().chain(first.summary).map(Word::lossy).collect::<Words>();
    let program = Word::lossy(concat!("briefcased/", env!("CARGO_PKG_VERSION")));
    let at = clock.now();
    let start = Receipt { at, kind: Kind::Start(StartReceipt { incarnation: identity.incarnation, program }) };
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

/// The same error, saying about which file.
fn named(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{} cannot be made: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::ambient::OsEntropy;

    fn made_in(folder: &Path) -> (Paths, Result<serde_json::Value, InitError>) {
        let at = |name: &str| folder.join(name);
        let paths = Paths { state: at("state"), runtime: at("run"), config: at("config") };
        let wishes = serde_json::from_str(r#"{"pin":"271828","unlock_key":true}"#).unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let made = make(&paths, &SystemClock::default(), &entropy, wishes);
        (paths, made)
    }

    /// The vault moved away, by mistake or by somebody: a new one in its place would make the rest worthless.
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

    /// Otherwise there is a briefcase whose key nobody was told.
    #[test]
    fn what_was_begun_is_removed_and_can_be_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("config")).unwrap();
        let in_the_way = folder.path().join("config/agents");
        fs::write(&in_the_way, "a file").unwrap();
        let (paths, made) = made_in(folder.path());
        let error = made.unwrap_err().to_string();
        assert!(error.contains(in_the_way.to_str().unwrap()), "it says what is in the way: {error}");
        assert_eq!(fs::read_dir(&paths.state).unwrap().count(), 0, "nothing is left");
        fs::remove_file(&in_the_way).unwrap();
        made_in(folder.path()).1.unwrap();
    }
}
