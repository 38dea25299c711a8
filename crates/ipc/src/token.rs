//! An agent's credential, and the file that holds it.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use briefcase_types::SecretString;
use rustix::fs::{CWD, FileType, Mode, OFlags};

/// More than any token needs.
const MAX_FILE_BYTES: u64 = 1024;

/// The credential of one agent: 20 to 200 characters of `A-Z a-z 0-9 _ -`. The form says nothing about being valid.
pub struct AgentToken(SecretString);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not of the form.
    #[error("this is not an agent token (20 to 200 characters of A-Z, a-z, 0-9, _ and -)")]
    Form,
    /// The file cannot be opened or read.
    #[error("cannot read the agent token {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file's content has not the form.
    #[error("{0} does not hold an agent token; make a new one with `briefcase agent add`")]
    Content(PathBuf),
    /// Others could read or replace it.
    #[error("{path} is not private: {problem}; fix it with `chmod 600 {path}`", path = .path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl AgentToken {
    /// Checks the form.
    pub fn new(text: SecretString) -> Result<Self, TokenError> {
        if text.expose(Self::is_well_formed) { Ok(Self(text)) } else { Err(TokenError::Form) }
    }

    /// Whether a text has the form of a token.
    #[must_use]
    pub fn is_well_formed(text: &str) -> bool {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        plain && (20..=200).contains(&text.len())
    }

    /// Reads a token file: a regular file of this user that nobody else can open. Symbolic links are not followed.
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
            Some("others may open it")
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

    /// The only way to the text.
    pub fn expose<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        self.0.expose(use_text)
    }
}
