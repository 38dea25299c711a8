//! The values of the product: ids, digests, time, money, secrets and refusals.
//!
//! Invariant: nothing here reads a clock, a file, a socket or a random source. Callers pass them in through [`Clock`] and
//! [`Entropy`], so that a decision can be replayed byte for byte. Each newtype is parsed once, at the edge, and keeps its
//! invariant from then on.

mod amount;
mod approval;
mod calendar;
mod digest;
mod era;
mod factor;
mod id;
mod money;
mod rate;
mod refusal;
mod secret;
mod serde_text;
mod settings;
pub mod text;
mod time;
mod transport;

pub use amount::{Amount, AmountError, Asset};
pub use approval::{ApprovalRequest, ApprovalScope, Decision, DecisionResult};
pub use calendar::Date;
pub use digest::{Digest, DigestError};
pub use era::Era;
pub use factor::FactorKind;
pub use id::{
    AgentId, ApprovalId, CallId, IdError, Incarnation, ReceiptIndex, SecretName, ServerId, SessionId, ToolName,
};
pub use money::{Currency, Money, MoneyError};
pub use rate::TokenBucket;
pub use refusal::{Refusal, RefusalCode};
pub use secret::{SecretBytes, SecretString};
pub use settings::{LoopbackOwner, ServerSettings, SettingError, Settings};
pub use time::{Clock, Entropy, MonotonicTime, UnixMillis, rough_duration};
pub use transport::{EnvValue, HeaderTemplate, SECRET_PLACEHOLDER, Transport};
