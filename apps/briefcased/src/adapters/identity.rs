//! The identity of the installation and the incarnation of its state. It is no secret; a changed one does not match the
//! signed head.

use std::{io, path::Path};

use briefcase_types::{Digest, Entropy, Incarnation};
use serde::{Deserialize, Serialize};

use super::sealed_file;

/// The version of the form that this program writes.
const FORM: u32 = 1;
/// Name of the file in the state folder.
pub const FILE: &str = "identity.json";

/// The identity of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Version of this form.
    pub v: u32,
    /// 16 random characters of base64url, chosen at set-up.
    pub install: String,
    /// The incarnation of the state.
    pub incarnation: Incarnation,
    /// The log's public key.
    pub log_key: Digest,
}

impl Identity {
    /// Makes the identity of a new installation.
    pub fn new(log_key: [u8; 32], entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        let text = Digest::from_bytes(bytes).to_string().replace(['_', '-'], "0");
        let install = briefcase_types::text::clip(&text, 16).to_owned();
        Self { v: FORM, install, incarnation: Incarnation::random(entropy), log_key: Digest::from_bytes(log_key) }
    }

    /// Reads the identity. Returns `None` when the folder was never set up.
    pub fn load(state: &Path) -> io::Result<Option<Self>> {
        let Some(bytes) = sealed_file::read(&state.join(FILE))? else { return Ok(None) };
        let identity: Self = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        if identity.v == FORM {
            return Ok(Some(identity));
        }
        Err(io::Error::other(format!(
            "a newer Briefcase wrote identity.json (form {}, this version reads {FORM}); \
             install that version again, or restore a backup that this version wrote",
            identity.v
        )))
    }

    /// Writes the identity.
    pub fn save(&self, state: &Path) -> io::Result<()> {
        sealed_file::write(&state.join(FILE), &serde_json::to_vec_pretty(self).map_err(io::Error::other)?)
    }
}
