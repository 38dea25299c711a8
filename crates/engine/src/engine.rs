//! The engine: the state that the pipeline, the approvals and the changes of the authority work on.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use briefcase_output_filter::Redactor;
use briefcase_policy::{
    decision::AcceptedDefinitions,
    label::{Label, Labels},
    ledger::{Actual, Charge, Ledger, Reservation, ReserveError, Settled},
};
use briefcase_receipts::{Kind, LABELLED, Notice, Receipt, Text, Word, commit::CommitmentKey};
use briefcase_types::{
    AgentId, Clock, Digest, Entropy, Money, ReceiptIndex, Refusal, SecretName, ServerId, SessionId, ToolName,
    UnixMillis,
};
use bytes::Bytes;

use crate::{
    active_authority::{ActiveAuthority, AuthorityHandle},
    agent_labels::AgentLabels,
    approvals::{ApprovalLimits, ApprovalQueue},
    call::CallContext,
    pinned_tools::PinnedTools,
    session::Session,
    shared_ledger::SharedLedger,
    tasks::TaskRegistry,
    tools::Tools,
};
use briefcase_ports::{
    Durable, Entry, Factors, Journal, JournalError, MonotonicClock, OVERLAPPING_READS, SecretSource, UpstreamFailure,
    Upstreams, Urgency,
};

/// The engine's limits of time and size.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time limit of a call to a server.
    pub call: Duration,
    /// The largest result that is passed on, in bytes.
    pub result: usize,
    /// The limits of approval requests.
    pub approvals: ApprovalLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { call: Duration::from_secs(300), result: 8 << 20, approvals: ApprovalLimits::default() }
    }
}

/// The parts of an engine.
pub struct Parts {
    /// The record.
    pub journal: Arc<dyn Journal>,
    /// The connections to servers.
    pub upstreams: Arc<dyn Upstreams>,
    /// The secrets, for the redactors.
    pub secrets: Arc<dyn SecretSource>,
    /// The verifier of evidence of presence.
    pub factors: Arc<dyn Factors>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Monotonic time.
    pub timer: Arc<dyn MonotonicClock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The key that salts the commitments in receipts.
    pub commit_key: CommitmentKey,
    /// The authority in force.
    pub authority: AuthorityHandle,
    /// The parts of the accepted definitions that policies may see.
    pub definitions: AcceptedDefinitions,
    /// The accepted definitions themselves.
    pub pinned: PinnedTools,
    /// The amounts spent and reserved.
    pub ledger: SharedLedger,
    /// The labels of agents.
    pub labels: AgentLabels,
    /// The limits of time and size.
    pub limits: Limits,
}

/// The engine. A daemon has one, and every call of an agent goes through [`crate::pipeline::run`].
pub struct Engine {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) upstreams: Arc<dyn Upstreams>,
    secrets: Arc<dyn SecretSource>,
    pub(crate) factors: Arc<dyn Factors>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn MonotonicClock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) commit_key: CommitmentKey,
    pub(crate) limits: Limits,
    pub(crate) approvals: ApprovalQueue,
    pub(crate) labels: AgentLabels,
    pub(crate) tasks: TaskRegistry,
    pub(crate) definitions: tokio::sync::Mutex<AcceptedDefinitions>,
    pub(crate) pinned: PinnedTools,
    authority: AuthorityHandle,
    ledger: SharedLedger,
    sessions: Mutex<HashMap<SessionId, Weak<Session>>>,
    tools: Mutex<ListingCache>,
    redactors: Mutex<Redactors>,
}

/// The redactors for one version of the authority: one per server, and one that knows all secrets.
#[derive(Default)]
struct Redactors {
    version: u64,
    of_server: HashMap<ServerId, Arc<Redactor>>,
    of_all: Option<Arc<Redactor>>,
}

/// The number of listings whose derived form is cached.
const KEPT_LISTINGS: usize = 64;

/// The cell of one derived listing, empty until the first caller fills it.
type ListingCell = Arc<OnceLock<Arc<Tools>>>;

/// The cache of derived listings, oldest first.
#[derive(Default)]
struct ListingCache {
    cells: VecDeque<((ServerId, Digest), ListingCell)>,
}

impl ListingCache {
    fn cell(&mut self, key: (ServerId, Digest)) -> ListingCell {
        if let Some((_, cell)) = self.cells.iter().find(|(kept, _)| *kept == key) {
            return Arc::clone(cell);
        }
        if self.cells.len() >= KEPT_LISTINGS {
            self.cells.pop_front();
        }
        let cell = Arc::default();
        self.cells.push_back((key, Arc::clone(&cell)));
        cell
    }
}

impl Engine {
    /// Makes an engine of its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            journal: parts.journal,
            upstreams: parts.upstreams,
            secrets: parts.secrets,
            factors: parts.factors,
            clock: parts.clock,
            timer: parts.timer,
            entropy: parts.entropy,
            commit_key: parts.commit_key,
            limits: parts.limits,
            approvals: ApprovalQueue::new(parts.limits.approvals),
            labels: parts.labels,
            tasks: TaskRegistry::default(),
            definitions: tokio::sync::Mutex::new(parts.definitions),
            pinned: parts.pinned,
            authority: parts.authority,
            ledger: parts.ledger,
            sessions: Mutex::default(),
            tools: Mutex::default(),
            redactors: Mutex::default(),
        }
    }

    /// The authority in force.
    #[must_use]
    pub fn authority(&self) -> Arc<ActiveAuthority> {
        self.authority.current()
    }

    /// The handle to the authority in force.
    #[must_use]
    pub fn authority_handle(&self) -> AuthorityHandle {
        self.authority.clone()
    }

    /// The approval queue.
    #[must_use]
    pub const fn approvals(&self) -> &ApprovalQueue {
        &self.approvals
    }

    /// The current labels of an agent.
    #[must_use]
    pub fn labels_of(&self, agent: &AgentId) -> Labels {
        self.labels.labels(agent, self.label_lifetime())
    }

    fn label_lifetime(&self) -> Duration {
        self.authority().document().settings.label_lifetime()
    }

    /// Adds labels to an agent that is about to receive labelled data. Returns the receipt's progress when one must
    /// record it.
    pub(crate) fn label(&self, agent: &AgentId, server: &ServerId, labels: Labels) -> Option<Durable> {
        let unrecorded = self.labels.add(agent, labels);
        if unrecorded.is_empty() {
            return None;
        }
        let words: Vec<&str> = unrecorded.iter().map(Label::as_str).collect();
        let notice = Notice {
            what: Word::lossy(LABELLED),
            agent: Some(agent.clone()),
            server: Some(server.clone()),
            detail: Some(Text::lossy(&words.join(" "))),
        };
        let receipt = Receipt { at: self.clock.now(), kind: Kind::Notice(notice) };
        Some(self.journal.append(Entry { receipt, opening: None }, Urgency::Now))
    }

    /// Adds labels to an agent, and waits until they are on record.
    ///
    /// # Errors
    /// The record cannot be written. The agent must not receive the data.
    pub(crate) async fn label_durably(
        &self,
        agent: &AgentId,
        server: &ServerId,
        labels: Labels,
    ) -> Result<(), JournalError> {
        match self.label(agent, server, labels) {
            Some(durable) => self.durable(durable).await.map(drop),
            None => Ok(()),
        }
    }

    /// The wall-clock time.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Opens a session for an authenticated agent.
    pub fn open_session(&self, agent: AgentId) -> Arc<Session> {
        let session = Arc::new(Session::new(SessionId::random(self.entropy.as_ref()), agent));
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.strong_count() > 0);
        sessions.insert(session.id, Arc::downgrade(&session));
        session
    }

    /// The open session with this id.
    pub fn session(&self, id: SessionId) -> Option<Arc<Session>> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&id).and_then(Weak::upgrade).filter(|session| !session.is_closed())
    }

    /// The open sessions.
    pub fn sessions(&self) -> Vec<Arc<Session>> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.values().filter_map(Weak::upgrade).filter(|session| !session.is_closed()).collect()
    }

    /// Runs `use_ledger` in the ledger's critical section.
    pub fn with_ledger<R>(&self, use_ledger: impl FnOnce(&mut Ledger) -> R) -> R {
        self.ledger.with(use_ledger)
    }

    pub(crate) fn put_in_force(&self, authority: ActiveAuthority) {
        self.authority.replace(authority);
    }

    /// Waits until an entry is on disk.
    pub(crate) async fn durable(&self, durable: Durable) -> Result<ReceiptIndex, JournalError> {
        durable.await.unwrap_or(Err(JournalError::Closed))
    }

    /// Appends an entry and waits until it is on disk.
    pub async fn record(&self, entry: Entry, urgency: Urgency) -> Result<ReceiptIndex, JournalError> {
        self.durable(self.journal.append(entry, urgency)).await
    }

    /// Reserves the budgets of a call. Also returns whether they have room for reads that the record may lose.
    pub(crate) fn reserve(
        &self,
        authority: &ActiveAuthority,
        context: &CallContext,
        cost: Option<Money>,
    ) -> Result<(Reservation, bool), ReserveError> {
        let charge = Charge {
            call: context.call,
            agent: context.agent.clone(),
            server: context.server.clone(),
            tool: context.name.parse().ok().filter(|_| context.operation == "call_tool"),
            calls: 1,
            cost,
            amount: None,
        };
        let now = self.clock.now();
        self.with_ledger(|ledger| {
            let reservation = ledger.reserve(authority.budgets(), &charge, now)?;
            let left = ledger.calls_left(authority.budgets(), &charge, now);
            Ok((reservation, left >= u64::from(OVERLAPPING_READS)))
        })
    }

    /// Settles a reservation as spent, however the call ended: an unknown outcome counts as spent.
    pub(crate) fn settle(&self, reservation: Reservation) -> Settled {
        self.with_ledger(|ledger| ledger.settle(reservation, Actual::AsReserved))
    }

    pub(crate) fn give_back(&self, reservation: Reservation) {
        self.with_ledger(|ledger| ledger.release(reservation));
    }

    /// The tools of a listing, with pins and compiled schemas, derived once per distinct listing of a server. Only callers
    /// that need the same listing wait for it.
    pub fn tools(&self, server: &ServerId, listing: &briefcase_ports::Listing) -> Arc<Tools> {
        let authority = self.authority();
        let registered = authority.document().servers.get(server);
        let varying = registered.map_or_else(Default::default, briefcase_policy::authority::Server::varying);
        let cell = self.kept_tools().cell((server.clone(), listing_digest(listing, &varying)));
        Arc::clone(cell.get_or_init(|| Arc::new(Tools::derive(server, &varying, listing))))
    }

    /// The tools of a listing as they are with other varying places, such as those that a person is about to accept.
    #[must_use]
    pub fn tools_varying(
        server: &ServerId,
        varying: &BTreeMap<ToolName, BTreeSet<String>>,
        listing: &briefcase_ports::Listing,
    ) -> Tools {
        Tools::derive(server, varying, listing)
    }

    /// The accepted definition with this pin, if a cached listing of the server contains it.
    pub fn known_definition(&self, server: &ServerId, name: &ToolName, pin: Digest) -> Option<Bytes> {
        let kept = self.kept_tools();
        let of_server = kept.cells.iter().filter(|((owner, _), _)| owner == server);
        let listed = of_server.filter_map(|(_, cell)| cell.get()?.find(name));
        listed.filter(|tool| tool.pin() == pin).map(|tool| tool.raw().clone()).next()
    }

    fn kept_tools(&self) -> std::sync::MutexGuard<'_, ListingCache> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The redactor for the secrets of a server's connection. `None` when it cannot be made: then nothing may pass.
    pub(crate) fn redactor(&self, server: &ServerId) -> Option<Arc<Redactor>> {
        let mut kept = self.kept_redactors();
        if let Some(redactor) = kept.of_server.get(server) {
            return Some(Arc::clone(redactor));
        }
        let authority = self.authority();
        // A server that is unknown or disabled has no connection, and so no secrets.
        let server_in_use = authority.document().servers.get(server).filter(|server| server.enabled);
        let names = server_in_use.into_iter().flat_map(|server| server.transport.secrets());
        let redactor = self.build_redactor(names)?;
        kept.of_server.insert(server.clone(), Arc::clone(&redactor));
        Some(redactor)
    }

    /// The redactor for all secrets of the vault, whether or not a server uses them.
    pub(crate) fn all_secrets(&self) -> Option<Arc<Redactor>> {
        let authority = self.authority();
        let mut kept = self.kept_redactors();
        if let Some(redactor) = &kept.of_all {
            return Some(Arc::clone(redactor));
        }
        let redactor = self.build_redactor(authority.document().secrets.keys())?;
        kept.of_all = Some(Arc::clone(&redactor));
        Some(redactor)
    }

    fn kept_redactors(&self) -> std::sync::MutexGuard<'_, Redactors> {
        let version = self.authority().version();
        let mut kept = self.redactors.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.version != version {
            *kept = Redactors { version, ..Redactors::default() };
        }
        kept
    }

    /// A redactor for these secrets; `None` when one of them cannot be read.
    pub(crate) fn build_redactor<'a>(&self, mut names: impl Iterator<Item = &'a SecretName>) -> Option<Arc<Redactor>> {
        let mut builder = Redactor::builder();
        let all = names.all(|name| {
            let read = self.secrets.with_secret(name, &mut |secret| builder.add(secret.as_bytes()));
            if let Err(reason) = &read {
                tracing::warn!(secret = %name, %reason, "a secret cannot be read, so nothing passes");
            }
            read.is_ok()
        });
        builder.build().filter(|_| all).map(Arc::new)
    }

    /// The refusal of a call that its server did not answer. It has no text of the server.
    pub(crate) fn upstream_refusal(&self, server: &ServerId, failure: &UpstreamFailure) -> Refusal {
        let message = self.server_texts().text(&format!("The server `{server}` could not answer: {failure}."));
        Refusal::new(failure.code(), failure.reason(), message, failure.next_step(server.as_str()))
    }
}

/// The digest of what [`Tools`] are derived from.
fn listing_digest(listing: &briefcase_ports::Listing, varying: &BTreeMap<ToolName, BTreeSet<String>>) -> Digest {
    if varying.is_empty() {
        return listing.digest;
    }
    let varying = serde_json::to_vec(varying).unwrap_or_default();
    Digest::labelled("briefcase/listing-varying/1", &[listing.digest.as_bytes(), &varying])
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
