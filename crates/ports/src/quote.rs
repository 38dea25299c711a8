//! Prices that upstream servers ask.

use briefcase_types::Amount;
use bytes::Bytes;

/// A price that a server asks for a call (HTTP 402). It is the server's claim and pays nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The amount.
    pub amount: Amount,
    /// The server's payment terms, raw. A payment method reads them.
    pub terms: Bytes,
}
