//! An agent's credential and its file.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use briefcase_types::SecretString;
use rustix::fs::{CWD, FileType, Mode, OFlags};

/// The longest accepted file; every token is shorter.
const MAX_FILE_BYTES: u64 = 1024;

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
    #[error("{path} is not private: {problem}; fix it with `chmod 600 {path}`", path = .path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// A description of the fault.
        problem: &'static str,
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
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|errno| io(errno.into()))?;
        let stat = rustix::fs::fstat(&file).map_err(|errno| io(errno.into()))?;
        let problem = if !FileType::from_raw_mode(stat.st_mode).is_file() {
            Some("it is not a regular file")
        } else if stat.st_uid != rustix::process::geteuid().as_raw() {
            Some("it belongs to another user")
        } else if stat.st_mode & 0o077 != 0 {
            Some("other users can open it")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(TokenError::NotPrivate { path: path.to_owned(), problem });
        }
        let mut text = String::new();
        File::from(file).take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(io)?;
        let token = SecretString::new(text.trim_end().to_owned());
        drop(SecretString::new(text));
        Self::new(token).map_err(|_| TokenError::Content(path.to_owned()))
    }

    /// Passes the text to a closure. This is the only access to it.
    pub fn expose<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        self.0.expose(use_text)
    }
}
