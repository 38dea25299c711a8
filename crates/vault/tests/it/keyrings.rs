//! One contract for the test double and the kernel's keyring.

use briefcase_vault::{KeyStore, KeyStoreError, MemoryKeyStore};

use crate::{secret, shown};

fn check_contract(store: &dyn KeyStore) {
    let (item, other) = ("briefcase:test:contract", "briefcase:test:contract-2");
    store.remove(item).unwrap();
    store.remove(other).unwrap();
    assert!(matches!(store.read(item).err(), Some(KeyStoreError::Absent { .. })));
    store.put(item, &secret("one")).unwrap();
    store.put(other, &secret("two")).unwrap();
    assert_eq!(shown(&store.read(item).unwrap()), b"one");
    store.put(item, &secret("a longer value than before")).unwrap();
    assert_eq!(shown(&store.read(item).unwrap()), b"a longer value than before", "replaced, not added");
    assert_eq!(shown(&store.read(other).unwrap()), b"two");
    store.remove(item).unwrap();
    store.remove(item).unwrap();
    assert!(matches!(store.read(item).err(), Some(KeyStoreError::Absent { .. })));
    assert_eq!(shown(&store.read(other).unwrap()), b"two");
    store.remove(other).unwrap();
}

#[test]
fn the_memory_store_fulfils_the_contract() {
    check_contract(&MemoryKeyStore::default());
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_keyring_fulfils_the_contract() {
    let store = briefcase_vault::KernelKeyring::connect().unwrap_or_else(|error| {
        panic!(
            "{error}. This test needs the kernel's user keyring. `apt-get install keyutils && keyctl show @u` shows what \
             is wrong; a container has to allow the system calls add_key, keyctl and request_key"
        )
    });
    check_contract(&store);
}

#[cfg(target_os = "linux")]
#[test]
fn a_vault_opens_with_the_kernel_keyring_and_a_pin() {
    use briefcase_vault::{Credential, KdfCost, KernelKeyring, NewSlot, Vault};

    let store = KernelKeyring::connect().unwrap();
    let mut it = crate::fixture(u64::from(std::process::id()));
    let pin = crate::text("730194");
    let new = NewSlot::Keyring { pin: &pin, cost: KdfCost::FLOOR, store: &store };
    let id = it.vault.add_slot(&it.keys, new, "laptop", &it.entropy).unwrap();
    let vault = Vault::load(&it.path).unwrap();
    let opened = vault.unlock(Credential::Keyring { pin: &pin, store: &store });
    let item = it.vault.remove_slot(&it.keys, &id).unwrap().keyring_item.unwrap();
    store.remove(&item).unwrap();
    assert!(opened.is_ok());
    let error = vault.unlock(Credential::Keyring { pin: &pin, store: &store }).err().unwrap().to_string();
    assert!(error.contains("use another way to unlock"), "{error}");
}
