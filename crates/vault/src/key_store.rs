//! The OS keyring as the vault uses it: storage for one half of a key.

use std::{collections::BTreeMap, sync::Mutex};

use briefcase_types::SecretBytes;

/// Storage for the secret half of a keyring slot.
///
/// Every process of the user can read its items. Therefore a slot also needs a PIN.
pub trait KeyStore: Send + Sync {
    /// Returns the store's name, for messages.
    fn name(&self) -> &'static str;

    /// Returns how long an item stays.
    fn lifetime(&self) -> Lifetime;

    /// Stores an item and replaces one of the same name.
    ///
    /// # Errors
    /// The store is missing, locked or full.
    fn put(&self, item: &str, secret: &SecretBytes) -> Result<(), KeyStoreError>;

    /// Reads an item.
    ///
    /// # Errors
    /// [`KeyStoreError::Absent`] for a missing item; otherwise the store is missing or locked.
    fn read(&self, item: &str) -> Result<SecretBytes, KeyStoreError>;

    /// Removes an item. A missing item is not an error.
    ///
    /// # Errors
    /// The store is missing or locked.
    fn remove(&self, item: &str) -> Result<(), KeyStoreError>;
}

/// The lifetime of a keyring's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// Until it is removed.
    Lasting,
    /// In memory, at most until the machine restarts.
    UntilRestart,
}

/// The keyring reported an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// The item is missing.
    #[error(
        "the {store} no longer holds this vault's half of the key (a restart empties it); use another way to unlock"
    )]
    Absent {
        /// The store's name.
        store: &'static str,
    },
    /// The store is unusable on this machine.
    #[error("the {store} cannot be used: {reason}")]
    Unusable {
        /// The store's name.
        store: &'static str,
        /// The system's reason.
        reason: String,
    },
}

/// A store in this process's memory, for tests.
#[derive(Default)]
pub struct MemoryKeyStore(Mutex<BTreeMap<String, SecretBytes>>);

impl MemoryKeyStore {
    fn with<R>(&self, use_items: impl FnOnce(&mut BTreeMap<String, SecretBytes>) -> R) -> R {
        use_items(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl KeyStore for MemoryKeyStore {
    fn name(&self) -> &'static str {
        "in-memory keyring"
    }

    fn lifetime(&self) -> Lifetime {
        Lifetime::UntilRestart
    }

    fn put(&self, item: &str, secret: &SecretBytes) -> Result<(), KeyStoreError> {
        let copy = secret.expose(|bytes| SecretBytes::new(bytes.to_vec()));
        self.with(|items| items.insert(item.to_owned(), copy));
        Ok(())
    }

    fn read(&self, item: &str) -> Result<SecretBytes, KeyStoreError> {
        self.with(|items| {
            let found = items.get(item).map(|secret| secret.expose(|bytes| SecretBytes::new(bytes.to_vec())));
            found.ok_or(KeyStoreError::Absent { store: self.name() })
        })
    }

    fn remove(&self, item: &str) -> Result<(), KeyStoreError> {
        self.with(|items| items.remove(item));
        Ok(())
    }
}

#[cfg(target_os = "linux")]
pub use kernel::KernelKeyring;

#[cfg(target_os = "linux")]
mod kernel {
    use briefcase_types::SecretBytes;
    use linux_keyutils::{KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};

    use super::{KeyStore, KeyStoreError, Lifetime};

    /// The Linux kernel's keyring of this user (`@u`). It needs no desktop session or daemon, and holds its items in
    /// memory. Items have the type `user` and their name as description, so two programs do not collide.
    pub struct KernelKeyring(());

    const NAME: &str = "Linux kernel keyring";

    impl KernelKeyring {
        /// Checks that the kernel lets this process use its user's keyring (some containers forbid `keyctl`).
        ///
        /// # Errors
        /// The kernel's reason for a refusal.
        pub fn connect() -> Result<Self, KeyStoreError> {
            ring().map(|_| Self(()))
        }
    }

    impl KeyStore for KernelKeyring {
        fn name(&self) -> &'static str {
            NAME
        }

        fn lifetime(&self) -> Lifetime {
            Lifetime::UntilRestart
        }

        fn put(&self, item: &str, secret: &SecretBytes) -> Result<(), KeyStoreError> {
            let key = secret.expose(|bytes| ring()?.add_key(item, bytes).map_err(unusable))?;
            let permissions = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(Permission::ALL).build();
            key.set_perms(permissions).map_err(unusable)
        }

        fn read(&self, item: &str) -> Result<SecretBytes, KeyStoreError> {
            let key = ring()?.search(item).map_err(absent_or_unusable)?;
            key.read_to_vec().map(SecretBytes::new).map_err(absent_or_unusable)
        }

        fn remove(&self, item: &str) -> Result<(), KeyStoreError> {
            match ring()?.search(item).and_then(|key| key.invalidate()) {
                Err(error) => match absent_or_unusable(error) {
                    KeyStoreError::Absent { .. } => Ok(()),
                    other => Err(other),
                },
                Ok(()) => Ok(()),
            }
        }
    }

    fn ring() -> Result<KeyRing, KeyStoreError> {
        KeyRing::from_special_id(KeyRingIdentifier::User, true).map_err(unusable)
    }

    fn unusable(error: KeyError) -> KeyStoreError {
        KeyStoreError::Unusable { store: NAME, reason: error.to_string() }
    }

    fn absent_or_unusable(error: KeyError) -> KeyStoreError {
        match error {
            KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked => {
                KeyStoreError::Absent { store: NAME }
            }
            other => unusable(other),
        }
    }
}
