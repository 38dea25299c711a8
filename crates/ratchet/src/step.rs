//! The pair of a new state and what it releases.

/// A new state and an output that may leave only after the state is kept.
#[must_use = "a step that is dropped has done nothing: the old state still holds"]
pub struct Step<S, T> {
    state: S,
    output: T,
}

impl<S, T> Step<S, T> {
    pub(crate) const fn new(state: S, output: T) -> Self {
        Self { state, output }
    }

    /// Keeps the state, then gives it and the output. When keeping fails the output is dropped unseen and the old state
    /// still holds.
    ///
    /// # Errors
    /// Whatever `keep` says.
    pub fn commit<E>(self, keep: impl FnOnce(&S) -> Result<(), E>) -> Result<(S, T), E> {
        keep(&self.state)?;
        Ok((self.state, self.output))
    }

    /// Both at once, for a caller that keeps the state elsewhere: across the door of the browser's core, or not at all.
    pub fn into_parts(self) -> (S, T) {
        (self.state, self.output)
    }
}
