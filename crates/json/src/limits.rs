//! Size limits for documents. Every reader requires limits as an argument, so no caller can forget them.

/// The nesting that no limit can exceed: reading recurses once per level.
pub(crate) const DEPTH_MAX: usize = 512;

/// The limits of a document. A document beyond one of them is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// The length of the document in bytes.
    pub bytes: usize,
    /// The nesting of arrays and objects. Values above 512 have no effect.
    pub depth: usize,
    /// The number of member names in the whole document.
    pub keys: usize,
    /// The number of values in the whole document. It bounds the memory of a tree.
    pub values: usize,
    /// The characters of one number.
    pub number: usize,
}

impl JsonLimits {
    /// The limits for an agent's text: 4 MiB, 64 levels, 10,000 member names, 200,000 values, 64 characters per number.
    pub const AGENT: Self = Self { bytes: 4 << 20, depth: 64, keys: 10_000, values: 200_000, number: 64 };

    /// The limits for an upstream server's messages: 16 MiB, 120 levels (which every later reader supports), 200,000
    /// member names, 2,000,000 values, 1,024 characters per number.
    pub const UPSTREAM: Self = Self { bytes: 16 << 20, depth: 120, keys: 200_000, values: 2_000_000, number: 1024 };
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self::AGENT
    }
}
