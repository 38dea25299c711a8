//! Collects what the output filter finds and changes in one answer.

use std::collections::BTreeSet;

use crate::{Flag, Redactions};

/// The redactions and flags of one answer.
#[derive(Debug, Default)]
pub(crate) struct FilterFindings {
    pub(crate) redactions: Redactions,
    pub(crate) flags: BTreeSet<Flag>,
}
