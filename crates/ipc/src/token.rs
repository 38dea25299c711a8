//! An agent's credential and its file.

use std::path::{Path, PathBuf};

use briefcase_private_fs::{AccessFault, PrivateFsError, read_linked};
use briefcase_types::{SecretBytes, SecretString};

/// The longest accepted file; every token is shorter.
const MAX_FILE_BYTES: usize = 1024;

/// The credential of one agent: 20 to 200 characters of `A-Z a-z 0-9 _ -`. A well-formed token need not be valid.
pub struct AgentToken(SecretString);

/// A token is missing or malformed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The text is not a token.
    #[error("this is not an agent token (20 to 200 characters of A-Z, a-z, 0-9, _ and -)")]
    Form,
    /// The file cannot be opened or read.
    #[error("cannot read the agent token {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file's content is not a token.
    #[error("{0} does not contain an agent token; make a new one with `briefcase agent add`")]
    Content(PathBuf),
    /// Other users could read or replace the file.
    #[error("{path} is not private: {fault}; fix it with `chmod 600 {path}`", path = .path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// The fault.
        fault: AccessFault,
    },
}

impl AgentToken {
    /// Checks the format.
    pub fn new(text: SecretString) -> Result<Self, TokenError> {
        if text.expose(Self::is_well_formed) { Ok(Self(text)) } else { Err(TokenError::Form) }
    }

    /// Whether a text has a token's format.
    #[must_use]
    pub fn is_well_formed(text: &str) -> bool {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        plain && (20..=200).contains(&text.len())
    }

    /// Reads a token file. It must be a regular file of this user that nobody else can open. Symbolic links are not
    /// followed.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let io = |source| TokenError::Io { path: path.to_owned(), source };
        let bytes = match read_linked(path, MAX_FILE_BYTES) {
            Ok(bytes) => SecretBytes::new(bytes.ok_or_else(|| io(std::io::ErrorKind::NotFound.into()))?),
            Err(PrivateFsError::NotPrivate { fault: AccessFault::Link, .. }) => {
                return Err(io(std::io::Error::other(AccessFault::Link)));
            }
            Err(PrivateFsError::NotPrivate { fault, .. }) => {
                return Err(TokenError::NotPrivate { path: path.to_owned(), fault });
            }
            Err(PrivateFsError::TooLarge { .. }) => return Err(TokenError::Content(path.to_owned())),
            Err(PrivateFsError::Io { source, .. }) => return Err(io(source)),
            Err(other) => return Err(io(other.into())),
        };
        let token =
            bytes.expose(|bytes| std::str::from_utf8(bytes).map(|text| SecretString::new(text.trim_end().to_owned())));
        let token = token.map_err(|_| TokenError::Content(path.to_owned()))?;
        Self::new(token).map_err(|_| TokenError::Content(path.to_owned()))
    }

    /// Passes the text to a closure. This is the only access to it.
    pub fn expose<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        self.0.expose(use_text)
    }
}
