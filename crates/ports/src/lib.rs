//! The ports between the engine and its adapters: small traits, and the values that cross them.
//!
//! Adapters (store, vault, presence, upstream, MCP server) implement these traits and depend on this crate only. The engine
//! defines what each method means.

mod calls;
mod client_peer;
mod clock;
mod connection;
mod factors;
mod journal;
mod launcher;
mod quote;
mod request_authorizer;
mod rpc;
mod server_catalog;
mod server_events;
mod server_info;
mod upstream_failure;
mod upstreams;

use std::{future::Future, pin::Pin};

pub use calls::{CallHandler, CallOutcome, CallRequest, ContinuedCall, FollowUp, Operation};
pub use client_peer::{ClientPeer, Waiting};
pub use clock::{AdjustableClock, ClockJump, ClockReading, MonotonicClock};
pub use connection::{ClientFeatures, ClientName, ClientProfile, ConnectionKey, Sharing};
pub use factors::{FactorEvidence, FactorRefusal, Factors, SignedAnswer};
pub use journal::{Durable, Entry, Journal, JournalError, OVERLAPPING_READS, Overlap, Record, SendGate, Urgency};
pub use launcher::{ChildProcess, LaunchCommand, LaunchError, LaunchedChild, Launcher};
pub use quote::Quote;
pub use request_authorizer::{AfterChallenge, Challenge, RequestAuthorizer, RequestToAuthorize};
pub use rpc::{Reply, RpcError};
pub use server_catalog::{
    HeaderSpec, HeaderSpecError, NotReady, SecretSource, ServerCatalog, ServerLimits, UpstreamSpec,
};
pub use server_events::{ServerEvent, ServerObserver};
pub use server_info::{ListKind, ServerInfo};
pub use upstream_failure::{
    HttpRefusal, HttpRefusalKind, LastLines, OtherListener, ProgramEnd, SlowStart, UpstreamFailure,
};
pub use upstreams::{Definition, Listing, Outbound, Upstreams};

/// A boxed future, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
