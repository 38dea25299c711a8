//! The record: what a receipt says, and the proof that nobody changed it.
//!
//! Promises P2 and P7 rest here. A receipt is canonical JSON, written once; receipts are the leaves of an RFC 6962
//! Merkle tree; a signed checkpoint fixes the whole history at a size. The invariant: **bytes that verify are exactly the
//! bytes that were signed for**, so an edit, a deletion, a reordering, a cut tail or a rewritten history is found by
//! anyone who has the public key, without trusting the program that wrote the record.
//!
//! - [`form`](Receipt): what a receipt says, and its one encoding.
//! - [`commit`]: salted commitments, so that values stay out of the record and one of them can be shown later.
//! - [`merkle`]: the tree: appending, roots, proofs; the general part is `briefcase-tlog`.
//! - [`checkpoint`]: signed tree heads of this product's logs, witness cosignatures. [`proof`]: a proof file for one
//!   receipt.
//! - [`verify`]: the offline check of an exported record, and [`export`] that writes one.
//!
//! Nothing here reads a clock, draws randomness or holds a private key. Only
//! [`LogFolder`] touches files, and only for exports. The library builds for `wasm32-unknown-unknown`.

pub mod checkpoint;
pub mod commit;
pub mod export;
mod form;
pub mod proof;
pub mod verify;

pub use briefcase_tlog::{LogFolder, merkle};
pub use checkpoint::{PublicKey, ReceiptCheckpoint};
pub use form::{
    Approval, ChangeReceipt, Factor, FormError, Intent, Kind, Notice, Outcome, Receipt, Reconcile, ReconciledEffect,
    RecordedScope, Refused, Restore, StartReceipt, Step, Text, Word, WordError, Words,
};
