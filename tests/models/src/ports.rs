//! The one name of the engine's ports that the desk uses, so that nothing else of the engine has to be compiled.

/// A factor that proves a person's presence.
#[allow(dead_code, reason = "the desk only names it")]
#[derive(Clone, Copy, Debug)]
pub enum FactorKind {
    /// A PIN.
    Pin,
}

impl FactorKind {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pin => "pin",
        }
    }
}
