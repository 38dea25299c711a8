//! The unsigned manifest of a build: one release, which is the current one.

use super::digest::Digest;
use crate::failure::Failure;
use crate::workspace;

/// The version of the enclave's storage and protocol; `SCHEMA` in `web/protocol/src/handshake.ts`.
const SCHEMA: u64 = 1;

/// The release data that a build cannot know.
#[derive(Clone, Debug)]
pub struct Release {
    version: u64,
    commit: String,
    expires: u64,
}

impl Release {
    /// Reads `--release N --commit HEX --expires SECONDS`. The defaults make a manifest that no policy accepts for
    /// long: commit zero, and expiry in 2038.
    pub fn read(args: &[String]) -> Result<Self, Failure> {
        let number = |name: &str, otherwise: u64| match workspace::option(args, name) {
            None => Ok(otherwise),
            Some(text) => text.parse().map_err(|_| Failure::new(format!("{name} {text} is not a number"))),
        };
        let commit = workspace::option(args, "--commit").map_or_else(|| "0".repeat(40), str::to_owned);
        let hex = commit.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !hex || ![40, 64].contains(&commit.len()) {
            return Err(Failure::new("--commit takes 40 or 64 hexadecimal digits"));
        }
        Ok(Self { version: number("--release", 1)?, commit, expires: number("--expires", 2_145_916_800)? })
    }

    /// The manifest in canonical JSON (form `briefcase/kms-manifest@1` of `crates/release`).
    pub fn manifest(&self, module: &Digest, page: &Digest, headers: &Digest) -> String {
        let Self { version, commit, expires } = self;
        let (module, page, headers) = (module.hex(), page.hex(), headers.hex());
        let current = format!(
            r#"{{"commit":"{commit}","headers":"{headers}","page":"{page}","schema":{SCHEMA},"sha256":"{module}","version":{version}}}"#
        );
        format!(
            r#"{{"allowed":[],"current":{current},"deprecated":[],"expires":{expires},"form":"briefcase/kms-manifest@1","version_floor":{version}}}"#
        )
    }
}
