//! Doubles for the ports: a journal that fails on order, a server that records effects, a person who always says yes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use briefcase_engine::{
    Engine, Limits, Parts,
    active_authority::{ActiveAuthority, AuthorityHandle},
    agent_labels::AgentLabels,
    call::Call,
    pinned_tools::PinnedTools,
    session::Session,
    shared_ledger::SharedLedger,
};
use briefcase_policy::{
    authority::{Authority, AuthorityChange, AuthorityError, Budget, Class, Pin, Server},
    decision::AcceptedDefinitions,
    label_book::LabelBook,
    ledger::Ledger,
    pin,
};
use briefcase_ports::{
    BoxFuture, CallRequest, ClientFeatures, ClientPeer, ClientProfile, ConnectionKey, Definition, Durable, Entry,
    FactorEvidence, FactorRefusal, Factors, Journal, JournalError, ListKind, Listing, MonotonicClock, NotReady,
    Operation, Outbound, Overlap, Record, Reply, RpcError, SecretSource, ServerInfo, Sharing, UpstreamFailure,
    Upstreams, Urgency, Waiting,
};
use briefcase_receipts::{Kind, Receipt, commit::CommitmentKey};
use briefcase_types::{
    Clock, Digest, Entropy, EnvValue, Era, FactorKind, Incarnation, MonotonicTime, ReceiptIndex, SecretName,
    SecretString, ServerId, Transport, UnixMillis,
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Which receipts cannot be written.
pub type Refuses = Box<dyn Fn(&Kind) -> bool + Send>;

/// Keeps receipts in memory; refuses whatever `refuses` says.
pub struct MemoryJournal {
    pub receipts: Mutex<Vec<Receipt>>,
    pub refuses: Mutex<Refuses>,
    /// The failure after which nothing is written.
    pub failed: Mutex<Option<JournalError>>,
}

impl MemoryJournal {
    fn take(&self, receipt: Receipt) -> Durable {
        let (reply, durable) = oneshot::channel();
        let answer = if let Some(error) = self.failure() {
            Err(error)
        } else if (self.refuses.lock().unwrap())(&receipt.kind) {
            Err(JournalError::Full)
        } else {
            let mut receipts = self.receipts.lock().unwrap();
            receipts.push(receipt);
            Ok(ReceiptIndex(receipts.len() as u64 - 1))
        };
        reply.send(answer).unwrap();
        durable
    }

    pub fn kinds(&self) -> Vec<String> {
        let word = |receipt: &Receipt| match &receipt.kind {
            Kind::Intent(intent) => format!("intent:{}", intent.decision),
            Kind::Outcome(outcome) => format!("outcome:{}", outcome.status),
            Kind::Refusal(refused) => format!("refusal:{}:{}", refused.code, refused.reason),
            Kind::Approval(step) => format!("approval:{}", step.step),
            Kind::Change(_) => "change".to_owned(),
            _ => "other".to_owned(),
        };
        self.receipts.lock().unwrap().iter().map(word).collect()
    }
}

impl Journal for MemoryJournal {
    fn append_beside(&self, entry: Entry) -> Overlap {
        if self.failure().is_some() {
            return Overlap::First(self.take(entry.receipt));
        }
        Overlap::Beside(self.take(entry.receipt))
    }

    fn failure(&self) -> Option<JournalError> {
        self.failed.lock().unwrap().clone()
    }

    fn append(&self, entry: Entry, _: Urgency) -> Durable {
        self.take(entry.receipt)
    }

    fn change(&self, receipt: Receipt, _: Bytes, _: Vec<Record>) -> Durable {
        self.take(receipt)
    }

    fn change_decided(&self, decision: Receipt, receipt: Receipt, _: Bytes, _: Vec<Record>) -> Durable {
        let refuses = self.refuses.lock().unwrap();
        let kept = !refuses(&decision.kind) && !refuses(&receipt.kind);
        drop(refuses);
        if kept {
            drop(self.take(decision));
            return self.take(receipt);
        }
        let (reply, durable) = oneshot::channel();
        reply.send(Err(JournalError::Full)).unwrap();
        durable
    }

    fn snapshot(&self, _: Bytes, _: ReceiptIndex) {}
}

/// A server with two tools, `look` and `change`, that counts what reaches it.
pub struct OneServer {
    pub effects: AtomicUsize,
    /// The params that were sent last.
    pub sent: Mutex<String>,
    /// Whether the vault gives its secrets.
    pub readable: AtomicBool,
    pub definitions: Mutex<Vec<Value>>,
    pub answer: Mutex<Result<Reply, UpstreamFailure>>,
    /// Runs once between the intent and the sending, like a connection that opens slowly.
    pub before_sending: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

pub fn definition(name: &str) -> Value {
    json!({ "name": name, "description": "d", "inputSchema": { "type": "object", "properties": { "n": { "type": "integer" } } } })
}

impl Upstreams for OneServer {
    fn list_tools<'a>(&'a self, _: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Listing>, UpstreamFailure>> {
        let definitions = self.definitions.lock().unwrap().clone();
        let raw = serde_json::to_vec(&definitions).unwrap();
        let tools = definitions
            .iter()
            .map(|definition| Definition {
                name: definition["name"].as_str().unwrap().to_owned(),
                raw: Bytes::from(serde_json::to_vec(definition).unwrap()),
            })
            .collect();
        Box::pin(async move { Ok(Arc::new(Listing { digest: Digest::sha256(&raw), tools, note: None })) })
    }

    fn send<'a>(
        &'a self,
        _: &'a ConnectionKey,
        request: Outbound,
        _: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'a, Result<Reply, UpstreamFailure>> {
        Box::pin(async move {
            if let Some(late) = self.before_sending.lock().unwrap().take() {
                late();
            }
            request.gate.check().map_err(UpstreamFailure::Unrecorded)?;
            self.effects.fetch_add(1, Ordering::SeqCst);
            *self.sent.lock().unwrap() = String::from_utf8_lossy(&request.params).into_owned();
            tokio::task::yield_now().await;
            self.answer.lock().unwrap().clone()
        })
    }

    fn server_info<'a>(&'a self, _: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<ServerInfo>, UpstreamFailure>> {
        Box::pin(async { Err(UpstreamFailure::Unreachable("no information".to_owned())) })
    }

    fn list<'a>(
        &'a self,
        _: &'a ConnectionKey,
        _: ListKind,
    ) -> BoxFuture<'a, Result<Arc<Vec<Bytes>>, UpstreamFailure>> {
        Box::pin(async { Ok(Arc::default()) })
    }

    fn notify(&self, _: briefcase_types::SessionId, _: &'static str) {}
}

impl SecretSource for OneServer {
    fn with_secret(&self, _: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        visit("a-very-secret-token-0001");
        if self.readable.load(Ordering::SeqCst) { Ok(()) } else { Err(NotReady("the vault is locked".to_owned())) }
    }
}

/// Says yes to the PIN `right`.
pub struct Person;

impl Factors for Person {
    fn check<'a>(&'a self, evidence: FactorEvidence, _: Digest) -> BoxFuture<'a, Result<FactorKind, FactorRefusal>> {
        Box::pin(async move {
            match evidence {
                FactorEvidence::Pin(pin) if pin.expose(|pin| pin == "right") => Ok(FactorKind::Pin),
                _ => Err(FactorRefusal::WrongPin { left: 4 }),
            }
        })
    }
}

pub fn pin_evidence(pin: &str) -> FactorEvidence {
    FactorEvidence::Pin(SecretString::new(pin.to_owned()))
}

pub struct Now(pub AtomicU64);

impl Clock for Now {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// The runtime's monotonic clock.
pub struct Timer(pub tokio::time::Instant);

impl MonotonicClock for Timer {
    fn now(&self) -> MonotonicTime {
        MonotonicTime::from_origin(self.0.elapsed())
    }

    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep_until(self.0 + deadline.since_origin()))
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}

pub struct Quiet;

impl ClientPeer for Quiet {
    fn notify(&self, _: &str, _: Bytes) {}

    fn ask<'a>(&'a self, _: &'a str, _: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(async { Err(RpcError { code: -1, message: String::new(), data: None }) })
    }

    fn waiting(&self, _: &Waiting) {}
}

/// Lets time pass on the monotonic clock.
pub async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// Everything, wired.
pub struct World {
    pub engine: Arc<Engine>,
    pub journal: Arc<MemoryJournal>,
    pub server: Arc<OneServer>,
    pub clock: Arc<Now>,
    pub labels: AgentLabels,
    pub session: Arc<Session>,
}

impl World {
    /// `look` is a read, `change` a write; `budgets` are in force.
    pub fn new(budgets: Vec<Budget>) -> Self {
        let entropy = Arc::new(Counting(AtomicU64::new(1)));
        let name: ServerId = "files".parse().unwrap();
        let env = BTreeMap::from([("KEY".to_owned(), EnvValue::Secret("key".parse().unwrap()))]);
        let mut server = Server::new(Transport::Stdio { argv: vec!["x".into()], env, cwd: None });
        let (mut definitions, pinned) = (AcceptedDefinitions::new(), PinnedTools::default());
        for (tool, class) in [("look", Class::Read), ("change", Class::Write)] {
            let definition = definition(tool);
            let digest = pin::pin(&name, &definition);
            definitions.add(digest, &definition);
            let accepted = Pin { class, ..Pin::new(digest) };
            pinned.add(&name, &accepted, Bytes::from(definition.to_string())).unwrap();
            server.pins.insert(tool.parse().unwrap(), accepted);
        }
        let mut authority = Authority::empty(Incarnation::random(entropy.as_ref()));
        authority = authority.add_agent("a".parse().unwrap(), Digest::sha256(b"t"), UnixMillis(1)).unwrap().document;
        authority = authority.set_secret("key".parse().unwrap(), Digest::sha256(b"sealed")).unwrap().document;
        authority = authority.add_server(name, server).unwrap().document;
        for budget in budgets {
            authority = authority.set_budget(budget).unwrap().document;
        }
        let journal = Arc::new(MemoryJournal {
            receipts: Mutex::default(),
            refuses: Mutex::new(Box::new(|_| false)),
            failed: Mutex::default(),
        });
        let server = Arc::new(OneServer {
            effects: AtomicUsize::new(0),
            sent: Mutex::default(),
            readable: AtomicBool::new(true),
            definitions: Mutex::new(vec![definition("look"), definition("change")]),
            answer: Mutex::new(Ok(Reply::Result(Bytes::from_static(br#"{"content":[]}"#)))),
            before_sending: Mutex::default(),
        });
        let clock = Arc::new(Now(AtomicU64::new(1_000_000)));
        let timer = Arc::new(Timer(tokio::time::Instant::now()));
        let labels = AgentLabels::new(LabelBook::default(), std::time::Duration::ZERO, timer.clone());
        let engine = Arc::new(Engine::new(Parts {
            journal: journal.clone(),
            upstreams: server.clone(),
            secrets: server.clone(),
            factors: Arc::new(Person),
            clock: clock.clone(),
            timer,
            entropy,
            commit_key: CommitmentKey::new(zeroize::Zeroizing::new([7; 32])),
            authority: AuthorityHandle::new(ActiveAuthority::new(authority, &definitions).unwrap()),
            definitions,
            pinned,
            ledger: SharedLedger::new(Ledger::new()),
            labels: labels.clone(),
            limits: Limits::default(),
        }));
        let session = engine.open_session("a".parse().unwrap());
        Self { engine, journal, server, clock, labels, session }
    }

    pub fn call(&self, tool: &str, arguments: &str) -> Call {
        let client =
            ClientProfile { era: Era::Legacy, version: "2025-11-25", features: ClientFeatures::default(), name: None };
        Call {
            session: self.session.clone(),
            request: CallRequest {
                connection: ConnectionKey {
                    agent: self.session.agent.clone(),
                    session: self.session.id,
                    server: "files".parse().unwrap(),
                    client: Arc::new(client),
                    sharing: Sharing::Session,
                },
                operation: Operation::CallTool {
                    tool: tool.parse().unwrap(),
                    arguments: Bytes::copy_from_slice(arguments.as_bytes()),
                },
                meta: None,
                progress: false,
                log_level: None,
                members: Vec::new(),
                approval_timeout: std::time::Duration::from_millis(50),
                cancel: tokio_util::sync::CancellationToken::new(),
            },
            continuation: None,
        }
    }

    pub async fn run(
        &self,
        tool: &str,
        arguments: &str,
    ) -> Result<briefcase_engine::call::Released, briefcase_types::Refusal> {
        briefcase_engine::pipeline::run(&self.engine, self.call(tool, arguments), Arc::new(Quiet)).await
    }

    /// Changes the authority, with the person's PIN.
    pub async fn change(&self, edit: impl FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError>) {
        self.change_with(edit, Vec::new()).await;
    }

    /// Changes the authority, with records.
    pub async fn change_with(
        &self,
        edit: impl FnOnce(&Authority) -> Result<AuthorityChange, AuthorityError>,
        records: Vec<Record>,
    ) {
        let prepared = self.engine.prepare(b"test", edit, records).unwrap();
        self.engine.apply(prepared, pin_evidence("right")).await.unwrap();
    }

    /// The params that were sent last.
    pub fn sent(&self) -> Value {
        serde_json::from_str(&self.server.sent.lock().unwrap()).unwrap()
    }

    pub fn effects(&self) -> usize {
        self.server.effects.load(Ordering::SeqCst)
    }
}
