//! The source of an enclave's files: its origin, or a folder.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use briefcase::failure::Failure;
use briefcase_egress::{AddressPolicy, Egress, EgressError, EgressRequest, EgressSettings, EgressTarget, OriginClient};
use bytes::Bytes;
use http::Method;

use crate::fetch_profile::FetchProfile;

const FETCH_TIMEOUT: Duration = Duration::from_secs(20);

/// An enclave's files.
pub enum EnclaveSource {
    Folder(PathBuf),
    Site(Box<OriginClient>),
}

/// A served file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedFile {
    pub bytes: Bytes,
    /// The headers of the response; empty for a folder.
    pub sent: Vec<(String, String)>,
}

/// A file was not fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The response proves a fault of the enclave.
    Refused { code: &'static str, message: String },
    /// The enclave was not reached.
    Unreachable(String),
}

impl EnclaveSource {
    /// The source that a URL or a folder names.
    pub fn of(text: &str) -> Result<Self, Failure> {
        if !text.contains("://") {
            let folder = PathBuf::from(text);
            let next = "Give the URL of an enclave, or a folder that is served as one.";
            let there = folder.is_dir();
            return if there {
                Ok(Self::Folder(folder))
            } else {
                Err(Failure::usage(format!("The folder {text} does not exist."), next))
            };
        }
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{text}: {error}."), "Give its address as in https://kms.example.org.")
        };
        let target = EgressTarget::parse(text, AddressPolicy::Loopback)
            .or_else(|_| EgressTarget::parse(text, AddressPolicy::Public));
        let target = target.map_err(|error| wrong(&error))?;
        let rest = target.as_str().strip_prefix(&target.origin()).unwrap_or_default();
        if !matches!(rest, "/" | "/kms.html") {
            return Err(wrong(&"an enclave is at the root of its origin"));
        }
        let egress = Egress::new(EgressSettings::default()).map_err(|error| wrong(&error))?;
        Ok(Self::Site(Box::new(egress.client(target))))
    }

    /// The name for reports.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Site(client) => client.target().origin(),
        }
    }

    pub const fn is_site(&self) -> bool {
        matches!(self, Self::Site(_))
    }

    /// Fetches a file with the headers of one profile.
    pub async fn read(&self, path: &str, most: u64, profile: FetchProfile) -> Result<ServedFile, FetchError> {
        match self {
            Self::Folder(folder) => file(&folder.join(path), most),
            Self::Site(client) => fetched(client, path, most, profile).await,
        }
    }
}

fn file(path: &Path, most: u64) -> Result<ServedFile, FetchError> {
    let refused = |code, message: String| FetchError::Refused { code, message };
    let file = std::fs::File::open(path).map_err(|error| refused("missing", format!("{}: {error}", path.display())))?;
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| FetchError::Unreachable(format!("{}: {error}", path.display())))?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= most => Ok(ServedFile { bytes: bytes.into(), sent: Vec::new() }),
        _ => Err(refused("too_large", format!("{} has more than {most} bytes", path.display()))),
    }
}

async fn fetched(
    client: &OriginClient,
    path: &str,
    most: u64,
    profile: FetchProfile,
) -> Result<ServedFile, FetchError> {
    let refused = |code, message: String| FetchError::Refused { code, message: format!("/{path}: {message}") };
    let place = client.target().join(&format!("/{path}")).map_err(|error| refused("missing", error.to_string()))?;
    let request = EgressRequest {
        method: Method::GET,
        path: Some(place),
        headers: profile.headers(),
        body: Bytes::new(),
        timeout: FETCH_TIMEOUT,
        limit: most,
    };
    let failed = |error: EgressError| match error {
        EgressError::TooLarge(_) => refused("too_large", error.to_string()),
        EgressError::Redirected { .. } => refused("redirected", error.to_string()),
        EgressError::Encoded => refused("encoded", error.to_string()),
        other => FetchError::Unreachable(other.to_string()),
    };
    let answer = client.send(request).await.map_err(failed)?;
    if answer.status != http::StatusCode::OK {
        return Err(refused("missing", format!("it was answered with {}", answer.status.as_u16())));
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let sent = answer.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let bytes = answer.body.collect().await.map_err(failed)?;
    Ok(ServedFile { bytes, sent })
}
