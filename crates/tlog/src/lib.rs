//! Transparency logs: append-only lists of entries, the proofs over them, and their file formats.
//!
//! The receipt log and the release log are both logs of this kind. Invariant: **verification succeeds for exactly the
//! signed bytes**. This crate does not interpret entries.
//!
//! - [`merkle`]: RFC 6962: appending, roots, inclusion and consistency proofs.
//! - [`note`]: keys and signed notes. [`checkpoint`]: signed tree heads. [`cosignature`]: the signature of a witness.
//! - [`tiles`]: a log as static files (C2SP tlog-tiles), with partial tiles and entry bundles. [`FileSource`] and
//!   [`FileSink`] read and write them; [`LogFolder`] implements both for a folder.
//! - [`proof_file`]: a proof for one entry as a file (C2SP tlog-proof).
//! - [`policy`]: trusted logs and the number of witnesses needed (C2SP tlog-policy).
//! - [`witness`]: requests to a witness and its rule for answering (C2SP tlog-witness), without state or network.
//!
//! This crate reads no clock, draws no randomness and holds no private key. Only [`LogFolder`] touches files. The library
//! builds for `wasm32-unknown-unknown`.

pub mod checkpoint;
pub mod cosignature;
mod folder;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof_file;
pub mod tiles;
pub mod witness;

pub use checkpoint::{Checkpoint, LogVerifierKey, Origin, SignedCheckpoint};
pub use cosignature::Witness;
pub use folder::{FileSink, FileSource, LogFolder};
pub use note::{CheckpointError, PublicKey};
pub use policy::{LogPolicy, LogPolicyError, WitnessedCheckpoint};
pub use proof_file::{LogProof, LogProofError};
pub use witness::{AddCheckpoint, CosignRefusal, LastCosigned};
