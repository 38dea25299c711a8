//! The trust anchor of a run: a release policy, or the digest of one module.

use briefcase::{command::enclave::TrustArguments, failure::Failure};
use briefcase_release::{ReleasePolicy, unhex};
use briefcase_types::Digest;

/// The policy for the project's own enclave, given to the build by the maker of a release.
const BUILT_IN: Option<&str> = option_env!("BRIEFCASE_RELEASE_POLICY");

/// The trust anchor of a run.
pub enum TrustAnchor {
    /// A policy: signer, log and witnesses.
    Policy(Box<ReleasePolicy>),
    /// One module, by its digest.
    Pin(Digest),
}

impl TrustAnchor {
    /// Reads the trust anchor that the command line names.
    pub fn of(arguments: &TrustArguments) -> Result<Self, Failure> {
        if let Some(pin) = &arguments.pin {
            let digest = unhex(pin);
            let next = "Give the 64 digits that `sha256sum` prints for the module.";
            return digest.map(Self::Pin).ok_or_else(|| Failure::usage("--pin is not a digest.", next));
        }
        let text = match (&arguments.policy, BUILT_IN) {
            (Some(path), _) => std::fs::read(path).map_err(|error| Failure::file(path, &error))?,
            (None, Some(text)) => text.as_bytes().to_vec(),
            (None, None) => {
                let next = "Give a policy from a source you trust with --policy, or a module's digest with --pin.";
                return Err(Failure::usage("This program was built without a release policy.", next));
            }
        };
        let next = "The file must be a policy of the form briefcase/release-policy@1.";
        let policy =
            ReleasePolicy::parse(&text).map_err(|error| Failure::usage(format!("--policy: {error}."), next))?;
        Ok(Self::Policy(Box::new(policy)))
    }
}
