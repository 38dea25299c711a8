//! Everything the daemon keeps on disk: the record, the authority document, secrets (sealed), the ledger.
//!
//! Promises P2 (every call has a receipt, durable before its result is released) and half of P7 (the record can be
//! checked) rest here. The invariants:
//!
//! - **Durable before acknowledged.** One thread writes; it gathers what waits, makes it durable in one transaction with
//!   `synchronous=FULL`, and only then answers. After the first failure nothing is acknowledged any more: no holes.
//! - **Never older than what was signed.** Each commit is signed inside the database, and its head is written to a second
//!   file. A database that is older than the head, or another history, does not open.
//! - **Nothing private in clear.** Openings, the authority document and the ledger are sealed by [`Seal`] before they
//!   get here; the store never sees a key.
//!
//! What cannot be seen from inside: a whole folder, head included, that is replaced by an older copy of itself is a state
//! that was once signed. Only a checkpoint kept elsewhere shows that (see [`FsckOptions::witnessed`]).
//!
//! - [`Store`]: opening, and the engine's [`Journal`](briefcase_ports::Journal).
//! - [`Reader`]: receipts, proofs, search, the authority document, export and backup.
//! - [`fsck`]: derives everything again and says what does not fit.

mod backup;
mod batch;
mod calls;
mod codec;
mod error;
mod export;
mod fsck;
mod head;
mod nodes;
mod options;
mod queue;
mod reader;
mod records;
mod rows;
mod schema;
mod seal;
mod state_dir;
mod store;
mod writer;
mod writer_state;

pub use error::StoreError;
pub use fsck::{Fault, Finding, FsckOptions, FsckReport, LedgerCheck, fsck};
pub use options::{Durability, ExpectedState, LOG_LIMIT, OpenOptions, Opened, Orphan};
pub use reader::{ProvedReceipt, Reader, ReceiptFilter, ReceiptMatches, StoredAuthority, StoredReceipt, kind_word};
pub use seal::{CheckpointSigner, Place, Seal, SealError};
pub use store::Store;
