//! Transparency logs: what an append-only list of entries can prove, and how it is written down.
//!
//! The record of receipts and the log of releases are both logs of this kind. The invariant: **bytes that verify are
//! exactly the bytes that were signed for**. Nothing here says what an entry means.
//!
//! - [`tree`]: RFC 6962: appending, roots, inclusion and consistency proofs.
//! - [`note`]: keys and signed notes. [`checkpoint`]: signed tree heads. [`cosignature`]: what a witness adds to them.
//! - [`tiles`]: a log as static files (C2SP tlog-tiles), partial tiles and entry bundles included; [`FileSource`] and
//!   [`FileSink`] are where they lie, [`Folder`] is a folder.
//! - [`proof`]: a proof for one entry as a file (C2SP tlog-proof).
//! - [`policy`]: which logs are believed and how many witnesses it takes (C2SP tlog-policy).
//! - [`witness`]: how a witness is asked and what it answers (C2SP tlog-witness), as a rule without state or network.
//!
//! Nothing here reads a clock, draws randomness or holds a private key. Only [`Folder`] touches files. The library builds
//! for `wasm32-unknown-unknown`.

pub mod checkpoint;
pub mod cosignature;
mod folder;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tiles;
pub mod tree;
pub mod witness;

pub use checkpoint::{Checkpoint, LogVerifierKey, Origin, SignedCheckpoint};
pub use cosignature::Witness;
pub use folder::{FileSink, FileSource, Folder};
pub use note::{CheckpointError, PublicKey};
pub use policy::{LogPolicy, LogPolicyError, WitnessedCheckpoint};
pub use proof::{LogProof, LogProofError};
pub use witness::{AddCheckpoint, CosignRefusal, LastCosigned};
