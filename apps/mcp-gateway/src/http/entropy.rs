use briefcase_types::Entropy;

/// The operating system's randomness.
pub(super) struct System;

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Session ids that can be guessed are worse than no gateway.
            std::process::abort();
        }
    }
}
