//! Receipts, and the proof that they are unchanged.
//!
//! Promises P2 and P7 rest here. A receipt is canonical JSON, written once. Receipts are the leaves of an RFC 6962
//! Merkle tree. A signed checkpoint fixes the whole history at a size.
//!
//! Invariant: **verification succeeds for exactly the signed bytes**. So anyone with the public key detects an edit, a
//! deletion, a reordering, a cut tail or a rewritten history, without trust in the program that wrote the receipts.
//!
//! - [`form`](Receipt): the content of a receipt, and its one encoding.
//! - [`commit`]: salted commitments. They keep values out of the receipts, and one value can be shown later.
//! - [`merkle`]: the tree: appending, roots, proofs. The general part is `briefcase-tlog`.
//! - [`checkpoint`]: signed tree heads of this product's logs, and witness cosignatures. [`proof`]: a proof file for
//!   one receipt.
//! - [`verify`]: the offline verification of exported receipts, and [`export`] that writes them.
//!
//! This crate reads no clock, draws no randomness and holds no private key. Only [`LogFolder`] touches files, and only
//! for exports. The library builds for `wasm32-unknown-unknown`.

pub mod checkpoint;
mod clock_notice;
pub mod commit;
pub mod export;
mod form;
pub mod proof;
pub mod verify;

pub use briefcase_tlog::{LogFolder, merkle};
pub use checkpoint::{PublicKey, ReceiptCheckpoint};
pub use clock_notice::ClockNotice;
pub use form::{
    Approval, ChangeReceipt, Factor, FormError, Intent, Kind, LABELLED, Notice, Outcome, READS_LOST, Receipt,
    Reconcile, ReconciledEffect, RecordedScope, Refused, Restore, StartReceipt, Step, Text, Word, WordError, Words,
};
