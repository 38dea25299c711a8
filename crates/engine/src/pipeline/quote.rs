//! quote: a price that a server asks (HTTP 402) leads back to a decision.

use briefcase_ports::Quote;
use briefcase_types::Refusal;

use super::{CallRejection, Permitted, Validated};

/// A call whose server asked a price and did nothing. It can run only after a new decision: [`decide_quote`] makes the
/// [`Permitted`] that every later stage requires.
#[derive(Debug)]
pub struct Quoted {
    /// The call, ready for another decision.
    #[expect(dead_code, reason = "the decision on a price takes it; payments are not set up yet")]
    pub(super) validated: Validated,
    pub(super) quote: Quote,
    /// The refusal without a payment. Its outcome is on record.
    pub(super) refusal: Refusal,
}

impl Quoted {
    /// The price that the server asks.
    #[must_use]
    pub const fn quote(&self) -> &Quote {
        &self.quote
    }
}

/// Decides on the price that a server asks. No payment method exists yet, so the call is refused.
///
/// # Errors
/// The refusal `payment_required`. The outcome of the first attempt is on record already.
pub fn decide_quote(quoted: Quoted) -> Result<Permitted, CallRejection> {
    tracing::debug!(amount = %quoted.quote.amount, "a server asks a price; payments are not set up");
    Err(CallRejection::after_effect(quoted.refusal))
}
