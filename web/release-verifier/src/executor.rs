//! Operations by number; `bindings.ts` has the same numbers and fields. The tests run the same code natively.

use briefcase_release::{
    ReleaseError, ReleaseEvidence, ReleasePolicy, RollbackState, TrustedManifest, VerifiedRelease, unhex,
};
use briefcase_types::UnixMillis;

use crate::response;

/// The reason for a failed operation.
#[derive(Debug)]
pub enum Failure {
    /// The files are not a release.
    Refused(ReleaseError),
    /// The operation number or its fields are invalid.
    Misuse,
}

impl From<ReleaseError> for Failure {
    fn from(error: ReleaseError) -> Self {
        Self::Refused(error)
    }
}

/// One verified manifest, and the operations on it.
#[derive(Debug, Default)]
pub struct VerifierExecutor(Option<TrustedManifest>);

impl VerifierExecutor {
    /// Runs an operation; the response is JSON.
    ///
    /// # Errors
    /// [`Failure`] with the layer that refused, or for an unknown operation or invalid fields.
    pub fn call(&mut self, operation: u32, fields: &[Vec<u8>]) -> Result<String, Failure> {
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        match (operation, fields.as_slice()) {
            (1, [policy, manifest, bundle, proof, version, floor, index, now]) => {
                self.0 = None;
                let evidence = ReleaseEvidence { manifest, bundle, proof };
                let seen = RollbackState { version: number(version)?, floor: number(floor)?, index: number(index)? };
                let trusted = ReleasePolicy::parse(policy)?.manifest(evidence, seen, UnixMillis(number(now)?))?;
                Ok(response::manifest(self.0.insert(trusted)))
            }
            (2, [module]) => Ok(response::module(&self.trusted()?.module(module)?)),
            (3, [digest, page]) => {
                self.release(digest)?.page(page)?;
                Ok(response::EMPTY.into())
            }
            (4, [digest, file]) => {
                self.release(digest)?.headers(file)?;
                Ok(response::EMPTY.into())
            }
            (5, [digest, file, path, sent @ ..]) => {
                self.release(digest)?.headers(file)?.check(text(path)?, pairs(sent)?)?;
                Ok(response::EMPTY.into())
            }
            _ => Err(Failure::Misuse),
        }
    }

    fn trusted(&self) -> Result<&TrustedManifest, Failure> {
        self.0.as_ref().ok_or(Failure::Misuse)
    }

    fn release(&self, digest: &[u8]) -> Result<VerifiedRelease<'_>, Failure> {
        let digest = unhex(text(digest)?).ok_or(Failure::Misuse)?;
        Ok(self.trusted()?.release(&digest)?)
    }
}

fn text(field: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(field).map_err(|_| Failure::Misuse)
}

fn number(field: &[u8]) -> Result<u64, Failure> {
    text(field)?.parse().map_err(|_| Failure::Misuse)
}

/// Reads alternating names and values.
fn pairs<'a>(fields: &[&'a [u8]]) -> Result<Vec<(&'a str, &'a str)>, Failure> {
    let (pairs, rest) = fields.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Failure::Misuse);
    }
    pairs.iter().map(|[name, value]| Ok((text(name)?, text(value)?))).collect()
}
