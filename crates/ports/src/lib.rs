//! What the engine needs from the outside, as small traits. Adapters (store, vault, presence, upstream, surface)
//! implement them; the engine owns their meaning.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use briefcase_receipts::Receipt;
use briefcase_types::{
    AgentId, ApprovalId, Digest, ReceiptIndex, RefusalCode, SecretName, SecretString, ServerId, SessionId, ToolName,
    UnixMillis,
};
use bytes::Bytes;
use tokio::sync::oneshot;

/// A boxed future, as object-safe traits need.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

// ---------------------------------------------------------------------------------------------------------- journal

/// Resolves when the entry is on disk (or can never be). Entries become durable in the order they were appended.
pub type Durable = oneshot::Receiver<Result<ReceiptIndex, JournalError>>;

/// How soon an entry has to reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits for it: start a commit at once (joining the one being gathered).
    Now,
    /// Nobody waits yet: ride with the next entry that is urgent, or go alone after a few milliseconds.
    Lazy,
}

/// One line for the record.
#[derive(Debug)]
pub struct Entry {
    /// What is recorded.
    pub receipt: Receipt,
    /// What the receipt commits to, kept sealed beside it so that its owner can show it later. Canonical JSON.
    pub opening: Option<Bytes>,
}

/// Why the record could not be written. After the first failure every later append fails until the store is reopened:
/// the log has no holes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The disk is full.
    #[error("the disk that holds the record is full")]
    Full,
    /// The disk or the database refused the write.
    #[error("the record cannot be written: {0}")]
    Failed(String),
    /// More entries wait than may.
    #[error("too many entries wait for the disk")]
    Overloaded,
    /// The journal was closed (shutdown, or the vault was locked).
    #[error("the record is closed")]
    Closed,
}

/// The record: an append-only log with group commit.
pub trait Journal: Send + Sync {
    /// Queues an entry. Never blocks; a full queue resolves to [`JournalError::Overloaded`].
    fn append(&self, entry: Entry, urgency: Urgency) -> Durable;

    /// Queues a change of the authority document together with its receipt, in one transaction.
    /// `document` is the canonical JSON of the new document, `records` are vault records and definitions it refers to.
    fn change(&self, receipt: Receipt, document: Bytes, records: Vec<Record>) -> Durable;

    /// The same, with the receipt of the decision that made the change right before it, in the same transaction: either both
    /// stand or neither. Resolves to the place of the change.
    fn change_decided(&self, decision: Receipt, receipt: Receipt, document: Bytes, records: Vec<Record>) -> Durable;

    /// Keeps the ledger's state as of receipt `upto` (exclusive), so that a start need not replay the whole log.
    fn snapshot(&self, ledger: Bytes, upto: ReceiptIndex);
}

/// Something an authority change stores beside the document.
#[derive(Debug)]
pub enum Record {
    /// A tool definition, found by its pin.
    Definition {
        /// The pin.
        pin: Digest,
        /// The raw definition.
        raw: Bytes,
    },
    /// A sealed vault record; `None` removes it.
    Secret {
        /// Its name.
        name: SecretName,
        /// The sealed bytes.
        sealed: Option<Bytes>,
    },
}

// --------------------------------------------------------------------------------------------------------- upstream

/// Which MCP era a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// `initialize`, sessions, server-to-client requests (up to 2025-11-25).
    Legacy,
    /// Stateless (2026-07-28 and later).
    Modern,
}

/// What the agent's client said of itself; forwarded to upstreams.
#[derive(Debug)]
pub struct ClientProfile {
    /// The era it speaks.
    pub era: Era,
    /// The protocol version it asked for.
    pub version: String,
    /// `capabilities` as raw JSON.
    pub capabilities: Bytes,
    /// `clientInfo` as raw JSON.
    pub info: Bytes,
}

/// Which connection to use: each session has its own to each server, so nothing is shared between agents.
#[derive(Clone, Debug)]
pub struct ConnectionKey {
    /// Who calls.
    pub agent: AgentId,
    /// From which session.
    pub session: SessionId,
    /// Which server.
    pub server: ServerId,
    /// What the client is.
    pub client: Arc<ClientProfile>,
}

/// One definition as its server listed it.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The name in the definition (not yet known to be a [`ToolName`]).
    pub name: String,
    /// The definition, byte for byte.
    pub raw: Bytes,
}

/// What a server's `tools/list` said, all pages.
///
/// An adapter returns the *same* `Arc` while the bytes are the same, so that what was derived from it can be kept.
#[derive(Debug)]
pub struct Listing {
    /// SHA-256 of the raw pages.
    pub digest: Digest,
    /// The tools, in the server's order.
    pub tools: Vec<Definition>,
}

/// A request on its way out.
#[derive(Debug)]
pub struct Outbound {
    /// The JSON-RPC method.
    pub method: &'static str,
    /// `params`, complete, as JSON.
    pub params: Bytes,
    /// Give up after this long.
    pub timeout: Duration,
    /// Fires when the client cancels; the adapter tells the server and returns [`UpstreamFailure::Cancelled`].
    pub cancel: tokio_util::sync::CancellationToken,
}

/// A JSON-RPC error object, relayed.
#[derive(Clone, Debug)]
pub struct RpcError {
    /// `code`.
    pub code: i64,
    /// `message`.
    pub message: String,
    /// `data`, raw.
    pub data: Option<Bytes>,
}

/// What came back.
#[derive(Clone, Debug)]
pub enum Reply {
    /// `result`, raw.
    Result(Bytes),
    /// `error`: an answer too.
    Error(RpcError),
}

/// Why nothing usable came back.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamFailure {
    /// No connection, or the server died.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The client cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// The server broke the protocol or a limit; the reason is a stable word.
    #[error("the server's answer cannot be used: {0}")]
    Protocol(&'static str),
    /// HTTP 401 or 403.
    #[error("the server refused the credential")]
    Unauthorized,
    /// HTTP 402.
    #[error("the server wants to be paid")]
    PaymentRequired,
    /// The server is disabled, unknown, or its credential cannot be used.
    #[error("{0}")]
    NotReady(String),
}

impl UpstreamFailure {
    /// The refusal code an agent sees.
    #[must_use]
    pub const fn code(&self) -> RefusalCode {
        match self {
            Self::Unauthorized => RefusalCode::OauthRequired,
            Self::PaymentRequired => RefusalCode::PaymentRequired,
            _ => RefusalCode::UpstreamError,
        }
    }

    /// A stable word for receipts.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timeout",
            Self::Cancelled => "cancelled",
            Self::Protocol(word) => word,
            Self::Unauthorized => "unauthorized",
            Self::PaymentRequired => "payment_required",
            Self::NotReady(_) => "not_ready",
        }
    }
}

/// The servers.
pub trait Upstreams: Send + Sync {
    /// The server's tools now, from a look that begins after this call does. Concurrent looks of one session may share one.
    fn look<'a>(&'a self, line: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Listing>, UpstreamFailure>>;

    /// Sends one request and waits for its answer; what the server says meanwhile goes to `talk`.
    fn send<'a>(
        &'a self,
        line: &'a ConnectionKey,
        request: Outbound,
        talk: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'a, Result<Reply, UpstreamFailure>>;

    /// The secrets that the server's connection uses, for the output redactor (exact match in every encoding). False when
    /// one of them cannot be read: then nothing of the server may be passed on.
    fn secrets(&self, server: &ServerId, visit: &mut dyn FnMut(&str)) -> bool;

    /// A secret of the vault, used by a server or not, so that it can be looked for in arguments on their way out. False
    /// when it cannot be read: then nothing may leave.
    fn secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> bool;
}

/// The client, as a running request sees it.
pub trait ClientPeer: Send + Sync {
    /// A notification from the server that belongs to the request (progress, log message).
    fn notify(&self, method: &str, params: Bytes);

    /// A request from the server (elicitation, sampling, roots), already allowed by policy.
    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>>;

    /// The call waits for a person. The surface tells the client (progress, URL elicitation); never with authority.
    fn waiting(&self, notice: &Waiting);
}

/// That a call waits for a person.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The question.
    pub approval: ApprovalId,
    /// Whose call.
    pub server: ServerId,
    /// Which tool, prompt or resource kind.
    pub tool: Option<ToolName>,
    /// When the question expires.
    pub expires: UnixMillis,
}

// ---------------------------------------------------------------------------------------------------------- factors

/// What a person offers as proof of being there.
pub enum Evidence {
    /// A PIN typed at a terminal.
    Pin(SecretString),
    /// A WebAuthn assertion (JSON of `PublicKeyCredential`), made for the digest of the decision.
    Passkey(Box<serde_json::value::RawValue>),
}

/// Which factor was used; recorded in receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// PIN at a terminal.
    Pin,
    /// Passkey in the console.
    Passkey,
}

impl FactorKind {
    /// The word in receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Passkey => "passkey",
        }
    }
}

/// Why the proof was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactorRefusal {
    /// Wrong PIN; so many tries are left.
    #[error("the PIN is wrong; {left} tries left")]
    WrongPin {
        /// Tries left before the lock-out.
        left: u32,
    },
    /// Too many wrong tries.
    #[error("too many wrong PINs; try again after {until:?}, or use a passkey in the console")]
    LockedOut {
        /// When the next try is allowed.
        until: UnixMillis,
    },
    /// The passkey's answer does not fit the question, or the question is too old.
    #[error("the passkey's answer was not accepted: {0}")]
    Passkey(String),
    /// No factor of this kind is enrolled.
    #[error("no such factor is enrolled; add one with `briefcase factor add`")]
    NotEnrolled,
    /// The attempt could not be recorded, so it was not made.
    #[error("the attempt could not be recorded: {0}")]
    Unrecorded(String),
}

/// Checks that a person is there. The only implementation is the presence adapter.
pub trait Factors: Send + Sync {
    /// Checks the evidence for exactly the thing whose digest is `bound_to`. Every attempt is durable before it is answered.
    fn check<'a>(&'a self, evidence: Evidence, bound_to: Digest) -> BoxFuture<'a, Result<FactorKind, FactorRefusal>>;
}
