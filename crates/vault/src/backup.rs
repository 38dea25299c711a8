//! Backups: the whole state in one encrypted archive that describes itself.
//!
//! Layout (version 1): `"BRIEFCASE-BACKUP\n" ‖ header length (u32, big-endian) ‖ header (JSON) ‖ chunks`. The header
//! names the recipient of the wrapped archive key. Chunks hold 64 KiB each (the last one less) and are sealed with the
//! committing AEAD. Their key is bound to the header's bytes; their nonce is a counter and an end mark. So chunks
//! cannot be dropped, added, swapped or moved to another archive. The chunks contain the manifest's length (u32), the
//! [`Manifest`] (JSON), and the files' bytes in the manifest's order.
//!
//! Invariant: memory holds a few chunks at most.
//!
//! Invariant: nothing appears in the target folder before the last byte was verified, and a restore overwrites nothing.
//!
//! A restored state is *older* than the last one: the caller starts a new incarnation, which voids grants, approvals
//! and handles. The file [`RESTORE_MARKER`] in the folder makes a forgotten incarnation visible.

mod header;
mod restore;
mod stream;

use std::io::{Read, Write};

use briefcase_types::{Entropy, Incarnation, SecretString, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{KdfCost, UnlockKey, Unlocked, VaultError, key::VaultKey};
pub use header::ArchiveHeader;
use stream::{StreamReader, StreamWriter};

pub use restore::{RESTORE_MARKER, Restored};

const MOST_FILES: usize = 64;
const MOST_MANIFEST: usize = 256 * 1024;

/// The recipient of an archive.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Recipient<'a> {
    /// A person with this passphrase (at least 8 characters).
    Passphrase {
        /// The passphrase.
        passphrase: &'a SecretString,
        /// The cost of one guess.
        cost: KdfCost,
    },
    /// A holder of this key.
    UnlockKey(&'a UnlockKey),
    /// The holder of this vault. Such an archive is useless once `vault.json` is lost.
    Vault(&'a Unlocked),
}

/// The credential that opens an archive.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Opener<'a> {
    /// The passphrase.
    Passphrase(&'a SecretString),
    /// The key.
    UnlockKey(&'a UnlockKey),
    /// The vault that the archive was sealed to.
    Vault(&'a Unlocked),
}

/// The point in the state's history at which a backup was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// The time of the backup.
    pub created: UnixMillis,
    /// The state's incarnation.
    pub incarnation: Incarnation,
    /// The newest signed checkpoint of the receipt log, as text.
    pub head: String,
}

/// The content of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The point in the state's history.
    pub moment: Moment,
    /// The files, in order.
    pub files: Vec<FileEntry>,
}

/// The name and length of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// The name: 1 to 64 of `a-z 0-9 . _ -`, without a dot at the start.
    pub name: String,
    /// The length in bytes.
    pub bytes: u64,
}

/// A file to back up. It must not change while it is read, so pass a snapshot.
pub struct BackupSource<'a> {
    /// The name and length.
    pub entry: FileEntry,
    /// The content.
    pub content: &'a mut dyn Read,
}

/// An open archive with a verified manifest. Its files are verified once they were read to the end.
pub struct Archive<'a> {
    manifest: Manifest,
    stream: StreamReader<'a>,
}

/// Writes an archive. The caller creates the file, syncs it, and discards it after an error.
///
/// # Errors
/// A name or passphrase is invalid, a source differs from its stated length, or reading or writing fails.
pub fn seal(
    out: &mut dyn Write,
    recipient: Recipient<'_>,
    moment: Moment,
    sources: &mut [BackupSource<'_>],
    entropy: &dyn Entropy,
) -> Result<Manifest, VaultError> {
    let manifest = Manifest { moment, files: sources.iter().map(|source| source.entry.clone()).collect() };
    manifest.check()?;
    let described = serde_json::to_vec(&manifest).map_err(|_| VaultError::Malformed("manifest"))?;
    let length = u32::try_from(described.len()).map_err(|_| VaultError::TooLarge(MOST_MANIFEST))?;
    if described.len() > MOST_MANIFEST {
        return Err(VaultError::TooLarge(MOST_MANIFEST));
    }
    let archive = VaultKey::random(entropy);
    let header = header::write(out, recipient, &archive, entropy)?;
    let mut stream = StreamWriter::new(out, &archive, &header)?;
    stream.push(&length.to_be_bytes())?;
    stream.push(&described)?;
    for source in sources {
        copy_in(&mut stream, source)?;
    }
    stream.finish()?;
    Ok(manifest)
}

fn copy_in(stream: &mut StreamWriter<'_>, source: &mut BackupSource<'_>) -> Result<(), VaultError> {
    let changed = VaultError::Malformed("backup source: its length changed while it was read");
    let mut buffer = zeroize::Zeroizing::new(vec![0; stream::CHUNK]);
    let mut left = source.entry.bytes;
    loop {
        let read = source.content.read(&mut buffer).map_err(VaultError::io("read a file to back up"))?;
        if read == 0 {
            return if left == 0 { Ok(()) } else { Err(changed) };
        }
        let taken = u64::try_from(read).ok().and_then(|read| left.checked_sub(read));
        let Some(rest) = taken else { return Err(changed) };
        left = rest;
        stream.push(buffer.get(..read).unwrap_or_default())?;
    }
}

/// Opens an archive and verifies its manifest.
///
/// # Errors
/// The bytes are not an archive, its version is unknown, or [`VaultError::DoesNotOpen`] for every other cause.
pub fn open<'a>(archive: &'a mut dyn Read, opener: Opener<'_>) -> Result<Archive<'a>, VaultError> {
    let (header, bytes) = ArchiveHeader::read(archive)?;
    let key = header.open(opener)?;
    let mut stream = StreamReader::new(archive, &key, &bytes)?;
    let mut length = [0; 4];
    stream.fill(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MOST_MANIFEST {
        return Err(VaultError::Malformed("manifest"));
    }
    let mut described = vec![0; length];
    stream.fill(&mut described)?;
    let manifest: Manifest = serde_json::from_slice(&described).map_err(|_| VaultError::Malformed("manifest"))?;
    manifest.check()?;
    Ok(Archive { manifest, stream })
}

impl Archive<'_> {
    /// Returns the verified manifest.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Verifies the archive to its end without writing anything.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] if a byte is missing, changed or added.
    pub fn verify(mut self) -> Result<Manifest, VaultError> {
        for file in &self.manifest.files {
            self.stream.copy(file.bytes, &mut std::io::sink())?;
        }
        self.stream.finish()?;
        Ok(self.manifest)
    }
}

impl Manifest {
    fn check(&self) -> Result<(), VaultError> {
        let mut names: Vec<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let valid = self.files.len() <= MOST_FILES
            && names.len() == self.files.len()
            && names.iter().all(|name| is_plain(name) && *name != RESTORE_MARKER);
        if valid { Ok(()) } else { Err(VaultError::Malformed("manifest")) }
    }
}

/// Whether a name stays inside its folder.
fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
}
