//! The daemon's state on disk: the record, the authority document, sealed secrets, and the ledger.
//!
//! This crate keeps promise P2 (every call has a receipt, durable before its result is released) and half of P7 (the
//! record can be checked). Invariants:
//!
//! - **Durable before acknowledged.** One thread writes the waiting entries in one transaction with `synchronous=FULL`,
//!   and then acknowledges them. After the first failure nothing is acknowledged any more, so the log has no holes.
//! - **Never older than the signed head.** Each commit is signed inside the database, and its head is written to a
//!   second file. A database that is older than the head, or has another history, does not open.
//! - **Nothing private in clear.** [`Seal`] seals openings, the authority document and the ledger. The store never sees
//!   a key.
//!
//! The folder alone cannot reveal that an older copy of the whole folder, head included, replaced it: that state was
//! signed once. Only a checkpoint from elsewhere reveals it (see [`FsckOptions::witnessed`]).
//!
//! - [`Store`]: opening, and the engine's [`Journal`](briefcase_ports::Journal).
//! - [`Reader`]: receipts, proofs, search, the authority document, export and backup.
//! - [`fsck`]: derives the state again and reports contradictions.

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
mod overlap;
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
