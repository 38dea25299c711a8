//! The release manifest and its canonical encoding (RFC 8785). Other encodings of the same content are rejected, so one
//! manifest has one digest, one log entry and one signature.

use briefcase_json::{JsonLimits, canonical, parse_strict};
use briefcase_types::{Digest, UnixMillis};
use serde_json::{Map, Value, json};

use crate::{error::ReleaseError, hex, unhex};

/// The value of the member `form`.
const FORM: &str = "briefcase/kms-manifest@1";

/// The longest manifest. It fits into one log entry.
const BYTES_MAX: usize = 32 * 1024;

/// The maximum number of releases in a list.
const RELEASES_MAX: usize = 64;

const LIMITS: JsonLimits = JsonLimits { bytes: BYTES_MAX, depth: 4, keys: 2048, values: 4096, number: 20 };

/// One release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The release number. A newer release has a higher number.
    pub version: u64,
    /// The digest of the module, which is also part of its file's name.
    pub sha256: Digest,
    /// The digest of `kms.html`.
    pub page: Digest,
    /// The digest of the headers file.
    pub headers: Digest,
    /// The commit the release was built from: 40 or 64 lowercase hexadecimal digits.
    pub commit: String,
    /// The version of its storage and protocol formats.
    pub schema: u64,
}

/// The list of a manifest that contains a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseStatus {
    /// The newest release.
    Current,
    /// An older release that may still be used.
    Allowed,
    /// A release that must not be used any more.
    Deprecated,
}

/// A release manifest, not yet authenticated; see [`ReleasePolicy::manifest`](crate::ReleasePolicy::manifest).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseManifest {
    /// The newest release.
    pub current: Release,
    /// Older releases that may still be used while a new one rolls out.
    pub allowed: Vec<Release>,
    /// Older releases that must not be used any more.
    pub deprecated: Vec<Release>,
    /// The lowest usable release number. It overrides the lists.
    pub version_floor: u64,
    /// The expiry time, in seconds since 1970.
    pub expires: u64,
}

impl ReleaseManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ReleaseError::Manifest`] for anything but a canonical, consistent manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        let wrong = |why: &str| ReleaseError::Manifest(why.to_owned());
        let value = parse_strict(bytes, &LIMITS).map_err(|error| wrong(&error.to_string()))?;
        if canonical(&value) != bytes {
            return Err(wrong("it is not in canonical form (RFC 8785)"));
        }
        let manifest = Self::read(value).ok_or_else(|| wrong("a member is missing, unknown or of the wrong type"))?;
        manifest.agrees().map_err(wrong)?;
        Ok(manifest)
    }

    /// Encodes the manifest in canonical form.
    ///
    /// # Errors
    /// [`ReleaseError::Manifest`] when the manifest is inconsistent or exceeds a limit.
    pub fn encode(&self) -> Result<Vec<u8>, ReleaseError> {
        let list = |releases: &[Release]| releases.iter().map(Release::value).collect::<Vec<_>>();
        let bytes = canonical(&json!({
            "form": FORM,
            "current": self.current.value(),
            "allowed": list(&self.allowed),
            "deprecated": list(&self.deprecated),
            "version_floor": self.version_floor,
            "expires": self.expires,
        }));
        if Self::parse(&bytes)? == *self {
            Ok(bytes)
        } else {
            Err(ReleaseError::Manifest("it does not decode to the same manifest".into()))
        }
    }

    /// Whether the manifest has expired.
    #[must_use]
    pub const fn ended(&self, now: UnixMillis) -> bool {
        now.0 / 1000 >= self.expires
    }

    /// Finds the release with this module.
    #[must_use]
    pub fn find(&self, module: &Digest) -> Option<(ReleaseStatus, &Release)> {
        let listed = self.releases().find(|(_, release)| release.sha256 == *module);
        listed.map(|(status, release)| {
            (if release.version < self.version_floor { ReleaseStatus::Deprecated } else { status }, release)
        })
    }

    /// All releases, the newest first.
    pub fn releases(&self) -> impl Iterator<Item = (ReleaseStatus, &Release)> {
        let allowed = self.allowed.iter().map(|release| (ReleaseStatus::Allowed, release));
        let deprecated = self.deprecated.iter().map(|release| (ReleaseStatus::Deprecated, release));
        std::iter::once((ReleaseStatus::Current, &self.current)).chain(allowed).chain(deprecated)
    }

    fn read(value: Value) -> Option<Self> {
        let mut members = object(value)?;
        if members.remove("form")? != FORM {
            return None;
        }
        let manifest = Self {
            current: Release::read(members.remove("current")?)?,
            allowed: releases(members.remove("allowed")?)?,
            deprecated: releases(members.remove("deprecated")?)?,
            version_floor: members.remove("version_floor")?.as_u64()?,
            expires: members.remove("expires")?.as_u64()?,
        };
        members.is_empty().then_some(manifest)
    }

    /// Checks that the lists give one answer for each module.
    fn agrees(&self) -> Result<(), &'static str> {
        let all: Vec<&Release> = self.releases().map(|(_, release)| release).collect();
        let twice = |(place, one): (usize, &&Release)| {
            let same = |other: &&Release| other.version == one.version || other.sha256 == one.sha256;
            all.iter().skip(place + 1).any(same)
        };
        if all.iter().enumerate().any(twice) {
            return Err("two releases share a number or a module");
        }
        if all.iter().any(|release| release.version > self.current.version) {
            return Err("a release is newer than the current one");
        }
        if self.version_floor > self.current.version {
            return Err("the current release is below the floor");
        }
        if self.allowed.iter().any(|release| release.version < self.version_floor) {
            return Err("an allowed release is below the floor");
        }
        Ok(())
    }
}

impl Release {
    fn value(&self) -> Value {
        json!({
            "version": self.version,
            "sha256": hex(&self.sha256),
            "page": hex(&self.page),
            "headers": hex(&self.headers),
            "commit": self.commit,
            "schema": self.schema,
        })
    }

    fn read(value: Value) -> Option<Self> {
        let mut members = object(value)?;
        let mut digest = |name: &str| unhex(members.remove(name)?.as_str()?);
        let (sha256, page, headers) = (digest("sha256")?, digest("page")?, digest("headers")?);
        let release = Self {
            version: members.remove("version")?.as_u64()?,
            sha256,
            page,
            headers,
            commit: members.remove("commit")?.as_str()?.to_owned(),
            schema: members.remove("schema")?.as_u64()?,
        };
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let commit = matches!(release.commit.len(), 40 | 64) && release.commit.bytes().all(hex);
        (members.is_empty() && commit).then_some(release)
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn releases(value: Value) -> Option<Vec<Release>> {
    match value {
        Value::Array(values) if values.len() <= RELEASES_MAX => values.into_iter().map(Release::read).collect(),
        _ => None,
    }
}
