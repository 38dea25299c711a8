//! Opens a state folder with a credential, and assembles the unlocked briefcase.
//!
//! Every step fails closed: a state that was edited, rolled back, or that belongs to another installation does not open.

pub mod load;

use std::{path::Path, sync::Arc};

use briefcase_admin_http::Briefcase;
use briefcase_egress::{Egress, EgressSettings};
use briefcase_engine::{
    Engine, Limits, Parts,
    active_authority::{ActiveAuthority, AuthorityHandle},
    agent_labels::AgentLabels,
    clock,
    pinned_tools::PinnedTools,
    shared_ledger::SharedLedger,
};
use briefcase_mcp_server::{Config, McpServer};
use briefcase_policy::{authority::Authority, decision::AcceptedDefinitions};
use briefcase_ports::{Entry, Journal as _, Urgency};
use briefcase_presence::{FactorCounters, FactorVerifier, FactorVerifierParts, PasskeyError};
use briefcase_receipts::{
    Kind, Receipt, Reconcile, ReconciledEffect, StartReceipt, Word,
    checkpoint::{PublicKey, ReceiptLogOrigin},
    commit::CommitmentKey,
};
use briefcase_store::{Durability, ExpectedState, LOG_LIMIT, OpenOptions, Opened, Store};
use briefcase_types::Clock as _;
use briefcase_upstream::{Pool, PoolParts};
use briefcase_vault::{Credential, LogKey, SealedRecord, Unlocked, VaultError};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    adapters::{
        companion_files,
        enrolled_factors::AuthorityFactors,
        identity::Identity,
        sealed_file,
        sealing::{LogSigner, VaultSeal},
        secrets::Secrets,
        server_catalog::AuthorityServers,
        server_connections::DaemonConnections,
        server_messages::ServerMessages,
        slots,
        snapshot::{Replayed, Snapshots},
        vault_access::OpenVault,
    },
    environment::Environment,
    open_error::OpenError,
    process::clock::SystemTimer,
    state_files::{LOG_KEY_FILE, VAULT_FILE},
};

/// An unlocked briefcase.
pub struct UnlockedState {
    /// Decides and records.
    pub engine: Arc<Engine>,
    /// The record.
    pub store: Arc<Store>,
    /// The connections to servers.
    pub pool: Arc<Pool>,
    /// The MCP server that agents see.
    pub mcp_server: McpServer,
    /// Verifies evidence of presence.
    pub factors: Arc<FactorVerifier>,
    /// Server messages on their way to the MCP server; detached when the briefcase is locked.
    pub server_messages: Arc<ServerMessages>,
    /// The briefcase as the admin API uses it.
    pub briefcase: Arc<Briefcase>,
    /// Fires when the briefcase is locked.
    pub ended: CancellationToken,
}

/// Opens the briefcase. Blocks for as long as a passphrase takes to check; the caller must be inside a runtime, where blocking
/// is allowed.
pub fn open(environment: &Environment, credential: Credential<'_>) -> Result<UnlockedState, OpenError> {
    let state = &environment.paths.state;
    let identity = Identity::load(state)?.ok_or_else(|| without_identity(state))?;
    let (unlocked, unsettled) = slots::unlock(&state.join(VAULT_FILE), credential)?;
    let unlocked = Arc::new(unlocked);
    let sealed_key =
        sealed_file::read(&state.join(LOG_KEY_FILE))?.ok_or(OpenError::Tampered("the log key is missing"))?;
    // The vault opened, so the credential is right and the file is wrong.
    let log_key = LogKey::open(&unlocked, &SealedRecord::from_bytes(sealed_key))
        .map_err(|_| OpenError::Tampered("the log key"))?;
    let public_key = PublicKey::from_bytes(&log_key.public_key())?;
    let (store, opened) = Store::open(
        state,
        OpenOptions {
            origin: ReceiptLogOrigin::new(&identity.install, &identity.incarnation)?,
            key: public_key,
            signer: Box::new(LogSigner(log_key)),
            seal: Arc::new(VaultSeal::new(&unlocked, Arc::clone(&environment.entropy))?),
            expect: ExpectedState::Existing,
            durability: Durability::Full,
            log_limit: LOG_LIMIT,
        },
    )?;
    let clock_notice = opened.newest.and_then(|newest| environment.clock.continue_from(newest));
    let store = Arc::new(store);
    unsettled.settle(store.reader())?;
    let authority = load::authority(store.reader())?.ok_or(OpenError::NotSetUp)?;
    let (definitions, pinned) = load::definitions(store.reader(), &authority)?;
    let mut replayed = load::counts(store.reader(), &authority)?;
    record_start(environment, &store, &identity, &opened)?;
    if let Some((notice, at)) = clock_notice {
        clock::follow_in_ledger(&mut replayed.ledger, notice, at);
        replayed.counters.follow_clock(notice, at);
        drop(store.append(clock::clock_receipt(notice, at), Urgency::Lazy));
    }
    assemble(
        environment,
        OpenedParts { store, unlocked, identity, public_key, authority, definitions, pinned, replayed },
    )
}

/// Without an identity the folder was never set up, or is no longer complete.
fn without_identity(state: &Path) -> OpenError {
    if state.join(VAULT_FILE).exists() { OpenError::Tampered("identity.json is missing") } else { OpenError::NotSetUp }
}

/// The parts of an open state folder.
struct OpenedParts {
    store: Arc<Store>,
    unlocked: Arc<Unlocked>,
    identity: Identity,
    public_key: PublicKey,
    authority: Authority,
    definitions: AcceptedDefinitions,
    pinned: PinnedTools,
    replayed: Replayed,
}

fn assemble(environment: &Environment, parts: OpenedParts) -> Result<UnlockedState, OpenError> {
    let OpenedParts { store, unlocked, identity, public_key, authority, definitions, pinned, replayed } = parts;
    let Replayed { ledger, counters, labels, running } = replayed;
    let timer = Arc::new(SystemTimer::default());
    let labels = AgentLabels::new(labels, running, timer.clone());
    let authority = AuthorityHandle::new(ActiveAuthority::new(authority, &definitions)?);
    let ledger = SharedLedger::new(ledger);
    let factors = Arc::new(verifier(
        environment,
        &store,
        &authority,
        Snapshots { store: store.clone(), ledger: ledger.clone(), labels: labels.clone() },
        counters,
    )?);
    let server_messages = Arc::new(ServerMessages::default());
    let secrets = Arc::new(Secrets::new(unlocked.clone(), store.reader().clone(), authority.clone()));
    let pool = Arc::new(Pool::new(PoolParts {
        catalog: Arc::new(AuthorityServers(authority.clone())),
        secrets: secrets.clone(),
        observer: server_messages.clone(),
        egress: Egress::new(EgressSettings::default())?,
        launcher: environment.children.launcher.clone(),
        environment: environment.children.environment.clone(),
    }));
    let engine = Arc::new(Engine::new(Parts {
        journal: store.clone(),
        upstreams: pool.clone(),
        secrets: secrets.clone(),
        factors: factors.clone(),
        clock: environment.clock.clone(),
        timer,
        entropy: environment.entropy.clone(),
        commit_key: commit_key(&unlocked)?,
        authority,
        definitions,
        pinned,
        ledger,
        labels,
        limits: Limits::default(),
    }));
    let approval_url = Some(format!("http://localhost:{}/approvals", environment.console_port));
    let config = Config { approval_url, ..Config::default() };
    let mcp_server = McpServer::new(engine.clone(), environment.entropy.clone(), config);
    server_messages.attach(&engine, mcp_server.clone());
    let ended = CancellationToken::new();
    let briefcase = Arc::new(Briefcase {
        engine: engine.clone(),
        store: store.clone(),
        factors: factors.clone(),
        log_key: public_key,
        vault: Arc::new(OpenVault {
            unlocked,
            secrets: secrets.clone(),
            reader: store.reader().clone(),
            incarnation: identity.incarnation,
            state: environment.paths.state.clone(),
            entropy: environment.entropy.clone(),
        }),
        connections: Arc::new(DaemonConnections {
            pool: pool.clone(),
            engine: engine.clone(),
            mcp_server: mcp_server.clone(),
            secrets,
            children: environment.children.clone(),
        }),
        ended: ended.clone(),
    });
    Ok(UnlockedState { engine, store, pool, mcp_server, factors, server_messages, briefcase, ended })
}

fn verifier(
    environment: &Environment,
    store: &Arc<Store>,
    authority: &AuthorityHandle,
    snapshots: Snapshots,
    counters: FactorCounters,
) -> Result<FactorVerifier, PasskeyError> {
    FactorVerifier::new(FactorVerifierParts {
        console_port: environment.console_port,
        journal: store.clone(),
        enrolled: Arc::new(AuthorityFactors(authority.clone())),
        snapshots: Arc::new(snapshots),
        counters,
        clock: environment.clock.clone(),
        entropy: environment.entropy.clone(),
    })
}

fn commit_key(unlocked: &Unlocked) -> Result<CommitmentKey, VaultError> {
    let key = unlocked.commitment_mac()?.mac("briefcase/receipt-commitments/1", &[])?;
    Ok(CommitmentKey::new(Zeroizing::new(*key.as_bytes())))
}

/// Appends the first receipts of a run: its start, and what the last run left open.
fn record_start(
    environment: &Environment,
    store: &Store,
    identity: &Identity,
    opened: &Opened,
) -> Result<(), OpenError> {
    let at = environment.clock.now();
    let program = Word::lossy(concat!("briefcased/", env!("CARGO_PKG_VERSION")));
    let files = companion_files::recorded(&environment.paths.state)?;
    let start = Kind::Start(StartReceipt { incarnation: identity.incarnation, program, files });
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
    Ok(())
}

#[cfg(test)]
pub mod tests;
