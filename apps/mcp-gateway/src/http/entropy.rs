use briefcase_types::Entropy;

/// The operating system's randomness.
pub(super) struct SystemRandom;

impl Entropy for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Abort: guessable session ids are worse than no gateway.
            std::process::abort();
        }
    }
}
