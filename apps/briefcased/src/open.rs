//! From a state folder and something that opens its vault to a briefcase that serves.
//!
//! Every step fails closed: a state that was edited, rolled back or belongs to another installation does not open.

use std::{path::Path, sync::Arc};

use briefcase_egress::{Egress, EgressError, EgressSettings};
use briefcase_engine::{
    Engine, Limits, Parts,
    active_authority::{ActiveAuthority, ActiveAuthorityError, AuthorityHandle},
    shared_ledger::SharedLedger,
};
use briefcase_ipc::Paths;
use briefcase_mcp_server::{Config, McpServer};
use briefcase_policy::{
    authority::{Authority, AuthorityError},
    decision::AcceptedDefinitions,
    ledger::{Actual, BudgetIndex, Charge, Event, Ledger},
    pin,
};
use briefcase_ports::{Journal as _, Launcher};
use briefcase_presence::PasskeyError;
use briefcase_receipts::{
    Kind, Receipt, Reconcile, ReconciledEffect, StartReceipt, Word,
    checkpoint::{CheckpointError, PublicKey, ReceiptLogOrigin},
    commit::CommitmentKey,
};
use briefcase_store::{Durability, ExpectedState, LOG_LIMIT, OpenOptions, Opened, Reader, Store, StoreError};
use briefcase_types::{Clock as _, Digest, Entropy};
use briefcase_upstream::{ChildEnvironment, Pool, PoolParts};
use briefcase_vault::{Credential, LogKey, SealedRecord, Unlocked, VaultError};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    keep::{
        directory::{ServerMessages, Servers},
        identity::Identity,
        presence::{Counters, Presence, PresenceParts},
        sealed_file,
        sealing::{LogSigner, VaultSeal},
        secrets::Secrets,
        slots, snapshot,
    },
    process::ambient::{SystemClock, SystemTimer},
};

/// Name of the sealed log key in the state folder.
pub const LOG_KEY_FILE: &str = "log-key.sealed";
/// Name of the vault in the state folder.
pub const VAULT_FILE: &str = "vault.json";

/// An open briefcase.
pub struct Open {
    /// Decides and remembers.
    pub engine: Arc<Engine>,
    /// The record.
    pub store: Arc<Store>,
    /// Looks into the record.
    pub reader: Reader,
    /// Connections to servers.
    pub pool: Arc<Pool>,
    /// The MCP server that agents see.
    pub mcp_server: McpServer,
    /// Proof of presence.
    pub presence: Arc<Presence>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How child processes start.
    pub children: Children,
    /// Keys, for slots and backups.
    pub unlocked: Arc<Unlocked>,
    /// Which installation this is.
    pub identity: Identity,
    /// The log's public key.
    pub log_key: PublicKey,
    /// One change of the vault's slots at a time.
    pub slots: tokio::sync::Mutex<()>,
    /// Fires when the briefcase is locked.
    pub ended: CancellationToken,
    /// Server messages on their way to the MCP server; detached when the briefcase is locked.
    pub server_messages: Arc<ServerMessages>,
}

impl Open {
    /// The secrets of this briefcase.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        Secrets::new(Arc::clone(&self.unlocked), self.reader.clone(), self.engine.authority_handle())
    }
}

/// How child processes start.
#[derive(Clone)]
pub struct Children {
    /// The program that starts them.
    pub launcher: Arc<dyn Launcher>,
    /// The variables that every one of them gets.
    pub environment: ChildEnvironment,
}

/// Why a briefcase does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder was never set up.
    #[error("there is no briefcase here yet; make one with `briefcase setup`")]
    NotSetUp,
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The authority document.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The authority cannot be put in force.
    #[error(transparent)]
    ActiveAuthority(#[from] ActiveAuthorityError),
    /// The factors.
    #[error(transparent)]
    Passkeys(#[from] PasskeyError),
    /// The HTTP client.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The identity or the key of the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file of ours.
    #[error("a file of the state folder cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// Something that was accepted is not what it was.
    #[error("the state was edited from outside ({0}); restore it from a backup with `briefcased restore`")]
    Tampered(&'static str),
}

/// What the daemon brings along.
pub struct Surrounding {
    /// Where things are.
    pub paths: Paths,
    /// Time.
    pub clock: Arc<SystemClock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The console's port.
    pub console_port: u16,
    /// How child processes start.
    pub children: Children,
}

/// Opens the briefcase. Blocks for as long as a passphrase takes to check: call it where blocking is allowed, inside a runtime.
pub fn open(around: &Surrounding, credential: Credential<'_>) -> Result<Open, OpenError> {
    let state = &around.paths.state;
    let identity = Identity::load(state)?.ok_or_else(|| nothing_or_part(state))?;
    let (unlocked, unsettled) = slots::unlock(&state.join(VAULT_FILE), credential)?;
    let unlocked = Arc::new(unlocked);
    let sealed_key =
        sealed_file::read(&state.join(LOG_KEY_FILE))?.ok_or(OpenError::Tampered("the log key is missing"))?;
    // The vault did open: it is not the passphrase that is wrong.
    let log_key = LogKey::open(&unlocked, &SealedRecord::from_bytes(sealed_key))
        .map_err(|_| OpenError::Tampered("the log key"))?;
    let public = PublicKey::from_bytes(&log_key.public_key())?;
    let (store, opened) = Store::open(
        state,
        OpenOptions {
            origin: ReceiptLogOrigin::new(&identity.install, &identity.incarnation)?,
            key: public,
            signer: Box::new(LogSigner(log_key)),
            seal: Arc::new(VaultSeal::new(&unlocked, Arc::clone(&around.entropy))?),
            expect: ExpectedState::Existing,
            durability: Durability::Full,
            log_limit: LOG_LIMIT,
        },
    )?;
    if let Some(newest) = opened.newest {
        around.clock.raise_to(newest);
    }
    let store = Arc::new(store);
    unsettled.settle(store.reader())?;
    let authority = load_authority(store.reader())?.ok_or(OpenError::NotSetUp)?;
    let definitions = load_definitions(store.reader(), &authority)?;
    let (ledger, counters) = load_counts(store.reader(), &BudgetIndex::new(&authority))?;
    record_start(around, &store, &identity, &opened);
    assemble(around, Assembly { store, unlocked, identity, public, authority, definitions, ledger, counters })
}

/// Without an identity: never set up, or no longer whole.
fn nothing_or_part(state: &Path) -> OpenError {
    if state.join(VAULT_FILE).exists() { OpenError::Tampered("identity.json is missing") } else { OpenError::NotSetUp }
}

struct Assembly {
    store: Arc<Store>,
    unlocked: Arc<Unlocked>,
    identity: Identity,
    public: PublicKey,
    authority: Authority,
    definitions: AcceptedDefinitions,
    ledger: Ledger,
    counters: Counters,
}

fn assemble(around: &Surrounding, parts: Assembly) -> Result<Open, OpenError> {
    let Assembly { store, unlocked, identity, public, authority, definitions, ledger, counters } = parts;
    let reader = store.reader().clone();
    let authority = AuthorityHandle::new(ActiveAuthority::new(authority, &definitions)?);
    let ledger = SharedLedger::new(ledger);
    let presence = Arc::new(Presence::new(PresenceParts {
        console_port: around.console_port,
        store: store.clone(),
        authority: authority.clone(),
        ledger: ledger.clone(),
        counters,
        clock: around.clock.clone(),
        entropy: around.entropy.clone(),
    })?);
    let server_messages = Arc::new(ServerMessages::default());
    let secrets = Secrets::new(unlocked.clone(), reader.clone(), authority.clone());
    let servers = Arc::new(Servers { authority: authority.clone(), secrets });
    let pool = Arc::new(Pool::new(PoolParts {
        catalog: servers.clone(),
        secrets: servers.clone(),
        observer: server_messages.clone(),
        egress: Egress::new(EgressSettings::default())?,
        launcher: around.children.launcher.clone(),
        environment: around.children.environment.clone(),
    }));
    let engine = Arc::new(Engine::new(Parts {
        journal: store.clone(),
        upstreams: pool.clone(),
        secrets: servers,
        factors: presence.clone(),
        clock: around.clock.clone(),
        timer: Arc::new(SystemTimer::default()),
        entropy: around.entropy.clone(),
        commit_key: commit_key(&unlocked)?,
        authority,
        definitions,
        ledger,
        limits: Limits::default(),
    }));
    let approval_url = Some(format!("http://localhost:{}/approvals", around.console_port));
    let config = Config { approval_url, ..Config::default() };
    let mcp_server = McpServer::new(engine.clone(), around.entropy.clone(), config);
    server_messages.attach(&engine, mcp_server.clone());
    Ok(Open {
        engine,
        store,
        reader,
        pool,
        mcp_server,
        presence,
        entropy: around.entropy.clone(),
        children: around.children.clone(),
        unlocked,
        identity,
        log_key: public,
        slots: tokio::sync::Mutex::default(),
        ended: CancellationToken::new(),
        server_messages,
    })
}

fn commit_key(unlocked: &Unlocked) -> Result<CommitmentKey, VaultError> {
    let key = unlocked.commitment_mac()?.mac("briefcase/receipt-commitments/1", &[])?;
    Ok(CommitmentKey::new(Zeroizing::new(*key.as_bytes())))
}

/// How change receipts name a document.
pub fn document_digest(document: &[u8]) -> Digest {
    Digest::labelled("briefcase/authority/1", &[document])
}

fn load_authority(reader: &Reader) -> Result<Option<Authority>, OpenError> {
    let Some(found) = reader.authority(document_digest)? else { return Ok(None) };
    Ok(Some(Authority::decode(&found.document)?))
}

/// The accepted definitions, each checked against its pin.
fn load_definitions(reader: &Reader, authority: &Authority) -> Result<AcceptedDefinitions, OpenError> {
    let mut definitions = AcceptedDefinitions::new();
    for (server, registered) in &authority.servers {
        for accepted in registered.pins.values() {
            let raw =
                reader.definition(&accepted.digest)?.ok_or(OpenError::Tampered("a tool definition is missing"))?;
            let definition = serde_json::from_slice(&raw).map_err(|_| OpenError::Tampered("a tool definition"))?;
            if pin::pin(server, &definition) != accepted.digest {
                return Err(OpenError::Tampered("a tool definition"));
            }
            definitions.add(accepted.digest, &definition);
        }
    }
    Ok(definitions)
}

/// What was spent, and what was tried at the factors.
pub fn load_counts(reader: &Reader, index: &BudgetIndex) -> Result<(Ledger, Counters), StoreError> {
    let (mut ledger, counters) = snapshot::replayed(reader, |ledger, receipt| {
        if let Some(event) = ledger_event(receipt) {
            ledger.replay(index, &event);
        }
    })?;
    let _unknown_outcomes_count_as_spent = ledger.close_orphans();
    ledger.prune();
    Ok((ledger, counters))
}

fn ledger_event(receipt: Receipt) -> Option<Event> {
    match receipt.kind {
        Kind::Intent(intent) => {
            let tool =
                intent.name.and_then(|name| name.as_str().parse().ok()).filter(|_| intent.op.as_str() == "call_tool");
            let charge = Charge {
                call: intent.call,
                agent: intent.agent,
                server: intent.server,
                tool,
                calls: 1,
                cost: intent.cost,
                amount: intent.amount,
            };
            Some(Event::Reserved { charge, at: receipt.at })
        }
        Kind::Outcome(outcome) => Some(Event::Settled { call: outcome.call, actual: Actual::AsReserved }),
        _ => None,
    }
}

/// The first receipts of a run: that it began, and what the last one left open.
fn record_start(around: &Surrounding, store: &Store, identity: &Identity, opened: &Opened) {
    use briefcase_ports::{Entry, Urgency};
    let at = around.clock.now();
    let program = Word::lossy(concat!("briefcased/", env!("CARGO_PKG_VERSION")));
    let start = Kind::Start(StartReceipt { incarnation: identity.incarnation, program });
    let reconciled = opened.orphans.iter().map(|orphan| {
        Kind::Reconcile(Reconcile {
            call: orphan.intent.call,
            intent: orphan.index,
            verdict: ReconciledEffect::Unknown,
        })
    });
    for kind in std::iter::once(start).chain(reconciled) {
        // Not waited for: a call's own receipt comes after these, and nothing is released before they are durable.
        drop(store.append(Entry { receipt: Receipt { at, kind }, opening: None }, Urgency::Lazy));
    }
}

#[cfg(test)]
mod tests;
