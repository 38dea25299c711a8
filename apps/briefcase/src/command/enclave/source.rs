//! Where an enclave's files come from: its origin, or a folder.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use briefcase_egress::{AddressPolicy, Egress, EgressError, EgressRequest, EgressSettings, EgressTarget, OriginClient};
use bytes::Bytes;
use http::Method;

use super::fetch_profile::FetchProfile;
use crate::failure::Failure;

const FETCH_TIMEOUT: Duration = Duration::from_secs(20);

/// An enclave's files.
pub enum Source {
    Folder(PathBuf),
    Site(Box<OriginClient>),
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub bytes: Bytes,
    /// The headers it came with; none from a folder.
    pub sent: Vec<(String, String)>,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The answer says something about the enclave.
    Told { code: &'static str, message: String },
    /// Nobody could be asked.
    Unreachable(String),
}

impl Source {
    /// A URL, or a folder.
    pub fn of(text: &str) -> Result<Self, Failure> {
        if !text.contains("://") {
            let folder = PathBuf::from(text);
            let next = "Give the URL of an enclave, or a folder that is served as one.";
            let there = folder.is_dir();
            return if there {
                Ok(Self::Folder(folder))
            } else {
                Err(Failure::usage(format!("There is no folder {text}."), next))
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

    /// What to call it.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Site(client) => client.target().origin(),
        }
    }

    pub const fn is_site(&self) -> bool {
        matches!(self, Self::Site(_))
    }

    /// A file, asked for in one guise.
    pub async fn read(&self, path: &str, most: u64, profile: FetchProfile) -> Result<Got, Missing> {
        match self {
            Self::Folder(folder) => file(&folder.join(path), most),
            Self::Site(client) => fetched(client, path, most, profile).await,
        }
    }
}

fn file(path: &Path, most: u64) -> Result<Got, Missing> {
    let told = |code, message: String| Missing::Told { code, message };
    let file = std::fs::File::open(path).map_err(|error| told("missing", format!("{}: {error}", path.display())))?;
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| Missing::Unreachable(format!("{}: {error}", path.display())))?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= most => Ok(Got { bytes: bytes.into(), sent: Vec::new() }),
        _ => Err(told("too_large", format!("{} has more than {most} bytes", path.display()))),
    }
}

async fn fetched(client: &OriginClient, path: &str, most: u64, profile: FetchProfile) -> Result<Got, Missing> {
    let told = |code, message: String| Missing::Told { code, message: format!("/{path}: {message}") };
    let place = client.target().join(&format!("/{path}")).map_err(|error| told("missing", error.to_string()))?;
    let request = EgressRequest {
        method: Method::GET,
        path: Some(place),
        headers: profile.headers(),
        body: Bytes::new(),
        timeout: FETCH_TIMEOUT,
        limit: most,
    };
    let failed = |error: EgressError| match error {
        EgressError::TooLarge(_) => told("too_large", error.to_string()),
        EgressError::Redirected { .. } => told("redirected", error.to_string()),
        EgressError::Encoded => told("encoded", error.to_string()),
        other => Missing::Unreachable(other.to_string()),
    };
    let answer = client.send(request).await.map_err(failed)?;
    if answer.status != http::StatusCode::OK {
        return Err(told("missing", format!("it was answered with {}", answer.status.as_u16())));
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let sent = answer.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let bytes = answer.body.collect().await.map_err(failed)?;
    Ok(Got { bytes, sent })
}
