//! The restore of a backup into a state folder that no daemon serves.

use std::{
    error::Error,
    io::{self, BufRead as _},
    path::Path,
    sync::Arc,
};

use briefcase_api::Unlock;
use briefcase_ipc::Paths;
use briefcase_policy::{
    authority::{self, Authority, AuthorityError, Limit},
    ledger::{BudgetIndex, Charge, Event},
};
use briefcase_ports::{Entry, Journal as _, JournalError, Urgency};
use briefcase_receipts::{
    ChangeReceipt, Kind, Receipt, Restore, Word, Words,
    checkpoint::{PublicKey, ReceiptLogOrigin},
};
use briefcase_store::{Durability, ExpectedState, LOG_LIMIT, OpenOptions, Store};
use briefcase_types::{
    AgentId, CallId, Clock as _, Entropy, Incarnation, ReceiptIndex, SecretString, ServerId, UnixMillis,
};
use briefcase_vault::{Credential, LogKey, SealedRecord, UnlockKey, Vault, VaultError, backup};
use bytes::Bytes;
use serde::Deserialize;

use crate::{
    adapters::{
        document_digest::document_digest,
        identity::Identity,
        sealed_file,
        sealing::{LogSigner, VaultSeal},
        snapshot,
    },
    open_error::OpenError,
    print,
    process::clock::SystemClock,
    startup::load,
    state_files::{LOG_KEY_FILE, VAULT_FILE},
};

type Done = Result<(), Box<dyn Error>>;

/// The input of a restore: one JSON line on stdin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Opens the archive.
    passphrase: SecretString,
    /// Opens the vault inside.
    vault: Unlock<SecretString>,
}

const OTHER_KEY: &str = "the archive opens, but the briefcase in it does not: its passphrase or unlock key is wrong; \
     nothing was restored, try again";

/// Restores a backup into a state folder that does not exist, and starts a new incarnation. What belonged to the old one is void.
pub fn restore(paths: &Paths, clock: &SystemClock, entropy: &Arc<dyn Entropy>, archive: &Path) -> Done {
    let mut line = zeroize::Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    let keys: Keys = serde_json::from_str(&line)
        .map_err(|_| "stdin holds no line such as {\"passphrase\":\"…\",\"vault\":{\"unlock_key\":\"…\"}}")?;
    let mut file = std::fs::File::open(archive)?;
    let opened = backup::open(&mut file, backup::Opener::Passphrase(&keys.passphrase))?;
    let restored = opened.restore(&paths.state)?;
    let old = Identity::load(&restored.folder)?.ok_or(OpenError::NotSetUp)?;
    let fresh = Identity { incarnation: Incarnation::random(entropy.as_ref()), ..old.clone() };
    let agents = start_incarnation(paths, clock, entropy, &keys.vault, &old, &fresh).map_err(|error| {
        // The folder did not exist before, and half a restore would block the next one.
        let _ = std::fs::remove_dir_all(&paths.state);
        match error.downcast_ref() {
            Some(VaultError::DoesNotOpen) => OTHER_KEY.into(),
            _ => error,
        }
    })?;
    std::fs::remove_file(paths.state.join(backup::RESTORE_MARKER))?;
    // A person renews the token of each agent with `briefcase agent add NAME`.
    print(&serde_json::json!({ "restored": paths.state, "incarnation": fresh.incarnation, "agents_to_renew": agents }));
    Ok(())
}

/// Starts the new incarnation of a restored state. Returns the agents whose tokens are void.
pub fn start_incarnation(
    paths: &Paths,
    clock: &SystemClock,
    entropy: &Arc<dyn Entropy>,
    key: &Unlock<SecretString>,
    old: &Identity,
    fresh: &Identity,
) -> Result<Vec<AgentId>, Box<dyn Error>> {
    let vault = Vault::load(&paths.state.join(VAULT_FILE))?;
    let unlocked = match key {
        Unlock::Passphrase(text) => vault.unlock(Credential::Passphrase(text))?,
        Unlock::UnlockKey(text) => vault.unlock(Credential::UnlockKey(&UnlockKey::parse(text)?))?,
    };
    let sealed =
        sealed_file::read(&paths.state.join(LOG_KEY_FILE))?.ok_or(OpenError::Tampered("the log key is missing"))?;
    let log_key = LogKey::open(&unlocked, &SealedRecord::from_bytes(sealed))?;
    let (store, found) = Store::open(
        &paths.state,
        OpenOptions {
            origin: ReceiptLogOrigin::new(&fresh.install, &fresh.incarnation)?,
            key: PublicKey::from_bytes(&log_key.public_key())?,
            signer: Box::new(LogSigner(log_key)),
            seal: Arc::new(VaultSeal::new(&unlocked, Arc::clone(entropy))?),
            expect: ExpectedState::Restored,
            durability: Durability::Full,
            log_limit: LOG_LIMIT,
        },
    )?;
    if let Some(newest) = found.newest {
        clock.raise_to(newest);
    }
    let before = store.reader().authority(document_digest)?.ok_or(OpenError::NotSetUp)?;
    let before = Authority::decode(&before.document)?;
    let after = voided(&before, fresh.incarnation)?;
    exhaust(&store, &after.document, clock.now(), entropy.as_ref())?;
    let kind = Kind::Restore(Restore { old: old.incarnation, new: fresh.incarnation });
    drop(store.append(Entry { receipt: Receipt { at: clock.now(), kind }, opening: None }, Urgency::Lazy));
    let change = Kind::Change(ChangeReceipt {
        old: before.version,
        new: after.document.version,
        document: after.document.digest()?,
        factor: None,
        summary: after.summary.into_iter().map(Word::lossy).collect::<Words>(),
    });
    let document = Bytes::from(after.document.encode()?);
    let durable = store.change(Receipt { at: clock.now(), kind: change }, document, Vec::new());
    durable.blocking_recv().unwrap_or(Err(JournalError::Closed))?;
    store.close()?;
    fresh.save(&paths.state)?;
    Ok(after.document.agents.into_keys().collect())
}

/// Voids what belonged to the old incarnation: every grant, and every agent's token. Otherwise an agent that was removed after the
/// backup could connect again.
fn voided(before: &Authority, incarnation: Incarnation) -> Result<authority::AuthorityChange, AuthorityError> {
    before.agents.keys().try_fold(before.restored(incarnation)?, |so_far, agent| {
        let mut next = so_far.document.set_agent_disabled(agent, true)?;
        // All steps are one change.
        next.document.version = so_far.document.version;
        next.summary.splice(0..0, so_far.summary);
        Ok(next)
    })
}

/// Uses up every budget until its window ends or a person raises it: the record does not contain what was spent after the backup.
fn exhaust(store: &Store, authority: &Authority, now: UnixMillis, entropy: &dyn Entropy) -> Result<(), OpenError> {
    let index = BudgetIndex::new(authority);
    let snapshot::Replayed { mut ledger, counters, mut labels, running } = load::counts(store.reader(), authority)?;
    labels.taint(authority.agents.keys(), running);
    let nobody: AgentId = "restored".parse().map_err(io::Error::other)?;
    let nowhere: ServerId = "restored".parse().map_err(io::Error::other)?;
    for budget in &authority.budgets {
        let (calls, cost) = match budget.limit {
            Limit::Calls(calls) => (calls, None),
            Limit::Money(money) => (0, Some(money)),
        };
        let charge = Charge {
            call: CallId::random(entropy),
            agent: budget.scope.agent.clone().unwrap_or_else(|| nobody.clone()),
            server: budget.scope.server.clone().unwrap_or_else(|| nowhere.clone()),
            tool: budget.scope.tool.clone(),
            calls,
            cost,
            amount: None,
        };
        ledger.replay(&index, &Event::Reserved { charge, at: now });
    }
    let _all_of_it_counts_as_spent = ledger.close_orphans();
    let snapshot = snapshot::encode(ledger.snapshot(), &counters, &labels.snapshot(running));
    let size = store.reader().size()?;
    store.snapshot(snapshot.ok_or(OpenError::Tampered("the ledger"))?, ReceiptIndex(size));
    Ok(())
}
