//! What a browser needs to use or create a passkey, and a new passkey that waits for a person.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Options for `navigator.credentials`, as WebAuthn defines their JSON: `PublicKeyCredentialRequestOptions` from
/// `/v1/challenge`, `PublicKeyCredentialCreationOptions` from `/v1/passkey/begin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct WebAuthnOptions(#[cfg_attr(feature = "typescript", ts(type = "Record<string, unknown>"))] pub Value);

/// A passkey that a browser made. It is enrolled only after a person allows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PasskeyOffer {
    /// The person's name for the passkey.
    pub label: String,
    /// JSON of the `PublicKeyCredential` from `navigator.credentials.create`.
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub credential: Value,
}

/// The passkey that waits to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PasskeyOfferView {
    /// The person's name for the passkey.
    pub label: String,
    /// A short code over the credential. The person compares the code in the browser with the one at the terminal.
    pub code: String,
}
