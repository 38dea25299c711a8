//! The transitions of an approval that also need a receipt, a factor or the authority.
//!
//! The state machine itself is [`crate::approvals`]. The pipeline and the server requests call it through this module only, so
//! that every transition is on record.

mod decide;
mod open;

pub(crate) use open::RequestError;
