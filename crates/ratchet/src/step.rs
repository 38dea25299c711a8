//! A new state with the output that it releases.

/// A new state, and an output to release only after the state is stored.
#[must_use = "a dropped step has no effect: the old state stays valid"]
pub struct Step<S, T> {
    state: S,
    output: T,
}

impl<S, T> Step<S, T> {
    pub(crate) const fn new(state: S, output: T) -> Self {
        Self { state, output }
    }

    /// Stores the state, then returns it with the output. When storing fails, the output is dropped and the old state
    /// stays valid.
    ///
    /// # Errors
    /// The error of `keep`.
    pub fn commit<E>(self, keep: impl FnOnce(&S) -> Result<(), E>) -> Result<(S, T), E> {
        keep(&self.state)?;
        Ok((self.state, self.output))
    }

    /// Splits the step, for a caller that stores the state elsewhere, such as outside of the WebAssembly module.
    pub fn into_parts(self) -> (S, T) {
        (self.state, self.output)
    }
}
