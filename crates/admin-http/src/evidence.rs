//! Evidence of presence, from the API to the engine.

use briefcase_api as api;
use briefcase_ports::FactorEvidence;

use crate::error::ApiError;

/// Converts evidence.
///
/// # Errors
/// The passkey's answer is not JSON.
pub fn evidence(given: api::Evidence<api::Confidential>) -> Result<FactorEvidence, ApiError> {
    match given {
        api::Evidence::Pin(pin) => Ok(FactorEvidence::Pin(pin.into_secret())),
        api::Evidence::Passkey(value) => serde_json::value::to_raw_value(&value)
            .map(FactorEvidence::Passkey)
            .map_err(|_| ApiError::invalid("The passkey's answer cannot be read.")),
    }
}
