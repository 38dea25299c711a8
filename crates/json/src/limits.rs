//! How large a document may be. Every reader takes its limits, so that no caller can forget them.

/// Nesting that no limit can raise: reading recurses once per level.
pub(crate) const DEPTH_MAX: usize = 512;

/// What a document may cost before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the document in bytes.
    pub bytes: usize,
    /// Nesting of arrays and objects. Never more than 512, whatever stands here.
    pub depth: usize,
    /// Member names in the whole document.
    pub keys: usize,
    /// Values of every kind in the whole document; bounds the memory of a tree.
    pub values: usize,
    /// Characters of one number.
    pub number: usize,
}

impl Limits {
    /// For text from an agent: 4 MiB, 64 levels, 10,000 member names, 200,000 values, 64 characters per number.
    pub const AGENT: Self = Self { bytes: 4 << 20, depth: 64, keys: 10_000, values: 200_000, number: 64 };

    /// For messages of an upstream server: 16 MiB, 120 levels (what every reader downstream can follow), 200,000 member
    /// names, 2,000,000 values, 1,024 characters per number.
    pub const UPSTREAM: Self = Self { bytes: 16 << 20, depth: 120, keys: 200_000, values: 2_000_000, number: 1024 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::AGENT
    }
}
