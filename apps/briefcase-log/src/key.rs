//! Private keys as files: one line, readable by the owner alone, in the form of signed notes
//! (`PRIVATE+KEY+name+hash+key`). The type byte keeps a log's key from being used as a witness's key.

use std::{io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_private_fs::{FileAccess, write_new};
use briefcase_tlog::{LogVerifierKey, PublicKey, Witness};
use briefcase_types::SecretBytes;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::error::CommandError;

const PREFIX: &str = "PRIVATE+KEY+";
const LONGEST: u64 = 1024;

/// The purpose of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyOwner {
    Log,
    Witness,
}

impl KeyOwner {
    const fn byte(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Log => "a log",
            Self::Witness => "a witness",
        }
    }
}

/// A private key for signed notes. The seed never leaves this type.
pub struct NoteSigner {
    name: String,
    seed: SecretBytes,
    public: PublicKey,
}

impl NoteSigner {
    /// Makes a key and its file, which must not exist yet.
    pub fn make(path: &Path, owner: KeyOwner, name: &str) -> Result<Self, CommandError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| CommandError::Entropy)?;
        let key = Self::of(name, &seed)?;
        let id = key.verifier(owner)?;
        let id = id.split('+').nth(1).unwrap_or_default();
        let mut typed = Zeroizing::new(vec![owner.byte()]);
        typed.extend_from_slice(&*seed);
        let encoded = Zeroizing::new(STANDARD.encode(&*typed));
        let line = Zeroizing::new(format!("{PREFIX}{name}+{id}+{}\n", &*encoded));
        write_new(path, line.as_bytes(), FileAccess::Owner).map_err(CommandError::creation)?;
        Ok(key)
    }

    /// Reads a key for this purpose. A file that other users can read is rejected: its key may be known.
    pub fn read(path: &Path, owner: KeyOwner) -> Result<Self, CommandError> {
        let file = std::fs::File::open(path).map_err(CommandError::file(path))?;
        let mode = file.metadata().map_err(CommandError::file(path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(CommandError::OpenKey { path: path.display().to_string() });
        }
        let mut text = Zeroizing::new(String::with_capacity(1024));
        file.take(LONGEST).read_to_string(&mut text).map_err(CommandError::file(path))?;
        let key = Self::parse(text.trim_end(), owner);
        key.ok_or_else(|| CommandError::Key { path: path.display().to_string(), wanted: owner.name() })
    }

    fn parse(text: &str, owner: KeyOwner) -> Option<Self> {
        let (name, rest) = text.strip_prefix(PREFIX)?.split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        let typed = Zeroizing::new(STANDARD.decode(key).ok()?);
        let (kind, seed) = typed.split_first()?;
        let key = Self::of(name, seed.try_into().ok()?).ok()?;
        let named = key.verifier(owner).ok()?.starts_with(&format!("{name}+{id}+"));
        (*kind == owner.byte() && named).then_some(key)
    }

    fn of(name: &str, seed: &[u8; 32]) -> Result<Self, CommandError> {
        let public = PublicKey::from_bytes(SigningKey::from_bytes(seed).verifying_key().as_bytes())?;
        Ok(Self { name: name.to_owned(), seed: SecretBytes::new(seed.to_vec()), public })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub fn log(&self) -> Result<LogVerifierKey, CommandError> {
        Ok(LogVerifierKey { origin: self.name.parse()?, key: self.public })
    }

    pub fn witness(&self) -> Result<Witness, CommandError> {
        Ok(Witness::new(&self.name, self.public)?)
    }

    /// Returns the public verifier key in the form that policies use.
    pub fn verifier(&self, owner: KeyOwner) -> Result<String, CommandError> {
        match owner {
            KeyOwner::Log => self.log().map(|log| log.to_string()),
            KeyOwner::Witness => self.witness().map(|witness| witness.to_string()),
        }
    }

    /// Signs for the functions of `briefcase-tlog`, which verify the signature.
    pub fn sign(&self, text: &[u8]) -> Option<[u8; 64]> {
        self.seed.expose(|seed| Some(SigningKey::from_bytes(seed.try_into().ok()?).sign(text).to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_purpose_and_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = NoteSigner::make(&path, KeyOwner::Log, "releases.example/log").unwrap();
        assert_eq!(NoteSigner::read(&path, KeyOwner::Log).unwrap().public(), made.public());
        assert_eq!(NoteSigner::read(&path, KeyOwner::Witness).err().unwrap().code(), "key");
        assert_eq!(NoteSigner::make(&path, KeyOwner::Log, "releases.example/log").err().unwrap().code(), "exists");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(NoteSigner::read(&path, KeyOwner::Log), Err(CommandError::OpenKey { .. })));
    }

    #[test]
    fn a_changed_key_file_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        NoteSigner::make(&path, KeyOwner::Witness, "witness.example/1").unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        let torn = [
            good.replace("example/1", "example/2"),
            good.replace(PREFIX, ""),
            good.replace('A', "B").replace('a', "b"),
        ];
        for bad in torn {
            assert_ne!(bad, good);
            assert!(NoteSigner::parse(bad.trim_end(), KeyOwner::Witness).is_none(), "{bad}");
        }
        assert!(NoteSigner::make(&folder.path().join("other"), KeyOwner::Log, "a name").is_err());
    }
}
