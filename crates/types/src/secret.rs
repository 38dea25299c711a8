//! Secrets: no `Debug`, `Display`, `Serialize`, `Clone` or `PartialEq`; zeroised on drop; used only inside a closure.

use zeroize::Zeroizing;

/// Bytes that must not leave the process but through the closure that sends them.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

/// Text that must not leave the process but through the closure that sends it.
pub struct SecretString(Zeroizing<String>);

impl SecretBytes {
    /// Takes ownership; the caller keeps no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The only way to the bytes. Keep the closure at the boundary that uses them.
    pub fn expose<R>(&self, use_bytes: impl FnOnce(&[u8]) -> R) -> R {
        use_bytes(&self.0)
    }
}

impl SecretString {
    /// Takes ownership; the caller keeps no copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The only way to the text. Keep the closure at the boundary that uses it.
    pub fn expose<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        use_text(&self.0)
    }
}
