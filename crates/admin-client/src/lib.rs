//! The client of the daemon's admin API: HTTP/1.1 with JSON over `admin.sock`, typed by `briefcase-api`.
//!
//! Programs that administer a briefcase link this crate: the CLI, the demo, and later a browser's native host. It has no
//! terminal and no policy. [`AdminClient`] has one method per route, [`AdminEvents`] reports changes, and [`ClientError`]
//! says why a request failed; every error converts into the contract's [`Problem`](briefcase_api::Problem) with a stable
//! code and a next step.
//!
//! Invariants:
//! - Before a byte is sent, the other end is known to be a process of this same user in a private folder.
//! - A change is applied only together with the preview that it was made from ([`PreviewedChange`]).
//! - Bodies are wiped after sending, because some hold a PIN or a secret. So are the changes and proofs they were made of.

mod body;
mod changes;
mod client;
mod error;
mod events;
mod process;
mod receipts;
mod unlock;

pub use body::pin_evidence;
pub use changes::PreviewedChange;
pub use client::{AdminClient, Download};
pub use error::ClientError;
pub use events::{AdminEvent, AdminEvents};
pub use unlock::UnlockBody;
