//! Evidence from the wire to the engine.

use briefcase_api as api;
use briefcase_engine::ports::Evidence;
use briefcase_types::SecretString;

use super::answer::Failure;

/// Takes the evidence; a PIN becomes a secret at once.
pub fn evidence(given: api::Evidence) -> Result<Evidence, Failure> {
    match given {
        api::Evidence::Pin(pin) => Ok(Evidence::Pin(SecretString::new(pin))),
        api::Evidence::Passkey(value) => serde_json::value::to_raw_value(&value)
            .map(Evidence::Passkey)
            .map_err(|_| Failure::invalid("The passkey's answer cannot be read.")),
    }
}
