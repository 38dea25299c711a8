use briefcase_types::SecretString;
use briefcase_vault::{
    Credential, KdfCost, KeyStore as _, MemoryKeyStore, NewSlot, SlotKind, StagedVault, Vault, VaultError,
};

use crate::{PASSPHRASE, fixture, passphrase_slot, records, seeded, shown, text};

#[test]
fn every_slot_opens_the_same_vault_after_a_restart() {
    let mut it = fixture(1);
    let store = MemoryKeyStore::default();
    let pin = text("730194");
    it.vault
        .add_slot(&it.keys, NewSlot::Keyring { pin: &pin, cost: KdfCost::FLOOR, store: &store }, "laptop", &it.entropy)
        .unwrap();
    let sealed = it.keys.seal(records::ADDRESS, &crate::secret("token"), &it.entropy).unwrap();
    it.keys.lock();
    let vault = Vault::load(&it.path).unwrap();
    let passphrase = text(PASSPHRASE);
    for credential in [
        Credential::Passphrase(&passphrase),
        Credential::UnlockKey(&it.unlock_key),
        Credential::Keyring { pin: &pin, store: &store },
    ] {
        let keys = vault.unlock(credential).unwrap();
        assert_eq!(shown(&keys.open(records::ADDRESS, &sealed).unwrap()), b"token");
    }
}

#[test]
fn wrong_credentials_of_every_kind_fail_alike() {
    let it = fixture(1);
    let other = briefcase_vault::UnlockKey::generate(&seeded(2));
    let wrong: [SecretString; 3] = [text("correct horse batterz"), text(""), text("Correct horse battery")];
    for passphrase in &wrong {
        assert!(matches!(it.vault.unlock(Credential::Passphrase(passphrase)).err(), Some(VaultError::DoesNotOpen)));
    }
    assert!(matches!(it.vault.unlock(Credential::UnlockKey(&other)).err(), Some(VaultError::DoesNotOpen)));
}

#[test]
fn the_keyring_alone_and_the_pin_alone_open_nothing() {
    let mut it = fixture(1);
    let store = MemoryKeyStore::default();
    let pin = text("730194");
    let new = NewSlot::Keyring { pin: &pin, cost: KdfCost::FLOOR, store: &store };
    let id = it.vault.add_slot(&it.keys, new, "laptop", &it.entropy).unwrap();
    let guess = text("730195");
    let keyring_only = it.vault.unlock(Credential::Keyring { pin: &guess, store: &store });
    assert!(matches!(keyring_only.err(), Some(VaultError::DoesNotOpen)));
    let empty = MemoryKeyStore::default();
    let pin_only = it.vault.unlock(Credential::Keyring { pin: &pin, store: &empty });
    assert!(matches!(pin_only.err(), Some(VaultError::KeyStore(_))));
    let info = it.vault.slots().into_iter().find(|slot| slot.id == id).unwrap();
    let item = info.keyring_item.unwrap();
    let other_half = store.read(&item).unwrap().expose(|half| half.iter().map(|byte| byte ^ 1).collect());
    store.put(&item, &briefcase_types::SecretBytes::new(other_half)).unwrap();
    let swapped = it.vault.unlock(Credential::Keyring { pin: &pin, store: &store });
    assert!(matches!(swapped.err(), Some(VaultError::DoesNotOpen)));
}

#[test]
fn the_last_lasting_slot_stays() {
    let mut it = fixture(1);
    let store = MemoryKeyStore::default();
    let pin = text("730194");
    let keyring = NewSlot::Keyring { pin: &pin, cost: KdfCost::FLOOR, store: &store };
    it.vault.add_slot(&it.keys, keyring, "laptop", &it.entropy).unwrap();
    let lasting: Vec<_> = it.vault.slots().into_iter().filter(|slot| slot.kind != SlotKind::Keyring).collect();
    it.vault.remove_slot(&it.keys, &lasting[0].id).unwrap();
    assert!(matches!(it.vault.remove_slot(&it.keys, &lasting[1].id).err(), Some(VaultError::LastSlot)));
    let by_keyring = it.vault.replace_slot(&it.keys, &lasting[1].id, keyring, &it.entropy);
    assert!(matches!(by_keyring.err(), Some(VaultError::LastSlot)));
    assert!(matches!(it.vault.remove_slot(&it.keys, &lasting[0].id).err(), Some(VaultError::NoSuchSlot)));
    let folder = tempfile::tempdir().unwrap();
    let first = Vault::create(&folder.path().join("vault.json"), keyring, "laptop", &it.entropy);
    assert!(matches!(first.err(), Some(VaultError::LastSlot)));
}

#[test]
fn a_changed_passphrase_replaces_the_old_one() {
    let mut it = fixture(1);
    let old = it.vault.slots()[0].id.clone();
    let new = text("another good passphrase");
    it.vault.replace_slot(&it.keys, &old, passphrase_slot(&new), &it.entropy).unwrap();
    let vault = Vault::load(&it.path).unwrap();
    assert!(vault.unlock(Credential::Passphrase(&new)).is_ok());
    assert!(vault.unlock(Credential::Passphrase(&text(PASSPHRASE))).is_err());
    assert_eq!(vault.slots().len(), 2);
    assert_eq!(vault.slots()[1].label, "main");
}

#[test]
fn a_removed_slot_opens_nothing_and_the_revision_grows() {
    let mut it = fixture(1);
    let before = it.vault.revision();
    let old = std::fs::read(&it.path).unwrap();
    let paper = it.vault.slots().into_iter().find(|slot| slot.kind == SlotKind::UnlockKey).unwrap();
    it.vault.remove_slot(&it.keys, &paper.id).unwrap();
    assert!(Vault::load(&it.path).unwrap().unlock(Credential::UnlockKey(&it.unlock_key)).is_err());
    assert_eq!(it.vault.revision(), before + 1);
    std::fs::write(&it.path, old).unwrap();
    let older = Vault::load(&it.path).unwrap();
    assert!(older.unlock(Credential::UnlockKey(&it.unlock_key)).is_ok(), "an old copy of the file still opens");
    assert!(older.revision() < it.vault.revision(), "and shows that it is old");
}

#[test]
fn weak_and_excessive_slots_are_rejected() {
    let mut it = fixture(1);
    let short = text("seven77");
    assert!(matches!(
        it.vault.add_slot(&it.keys, passphrase_slot(&short), "x", &it.entropy).err(),
        Some(VaultError::TooShort(8))
    ));
    let pin = text("12345");
    let store = MemoryKeyStore::default();
    let keyring = NewSlot::Keyring { pin: &pin, cost: KdfCost::FLOOR, store: &store };
    assert!(matches!(it.vault.add_slot(&it.keys, keyring, "x", &it.entropy).err(), Some(VaultError::TooShort(6))));
    let long = text(&"x".repeat(1025));
    assert!(it.vault.add_slot(&it.keys, passphrase_slot(&long), "x", &it.entropy).is_err());
    let paper = NewSlot::UnlockKey(&it.unlock_key);
    while it.vault.slots().len() < 8 {
        it.vault.add_slot(&it.keys, paper, "more", &it.entropy).unwrap();
    }
    assert!(matches!(it.vault.add_slot(&it.keys, paper, "x", &it.entropy).err(), Some(VaultError::TooManySlots(8))));
}

#[test]
fn a_vault_is_never_overwritten_and_a_missing_one_is_reported() {
    let it = fixture(1);
    let passphrase = text(PASSPHRASE);
    let again = Vault::create(&it.path, passphrase_slot(&passphrase), "x", &it.entropy);
    assert!(matches!(again.err(), Some(VaultError::AlreadyExists)));
    assert!(matches!(Vault::load(&it.folder.path().join("other.json")).err(), Some(VaultError::Missing)));
}

#[test]
fn a_file_of_another_writer_is_detected_and_not_overwritten() {
    let mut it = fixture(1);
    assert!(!it.vault.changed_on_disk().unwrap());
    let mut other = Vault::load(&it.path).unwrap();
    other.add_slot(&it.keys, NewSlot::UnlockKey(&it.unlock_key), "other", &it.entropy).unwrap();
    assert!(it.vault.changed_on_disk().unwrap());
    let edit = it.vault.add_slot(&it.keys, NewSlot::UnlockKey(&it.unlock_key), "mine", &it.entropy);
    assert!(matches!(edit.err(), Some(VaultError::ChangedOnDisk)));
    assert_eq!(Vault::load(&it.path).unwrap().slots().len(), 3);
    std::fs::remove_file(&it.path).unwrap();
    assert!(it.vault.changed_on_disk().unwrap());
}

#[test]
fn keys_of_another_vault_change_nothing() {
    let mut it = fixture(1);
    let other = fixture(2);
    let edit = it.vault.add_slot(&other.keys, NewSlot::UnlockKey(&it.unlock_key), "x", &it.entropy);
    assert!(matches!(edit.err(), Some(VaultError::OtherVault)));
}

#[test]
fn an_unlock_key_opens_within_five_milliseconds() {
    let it = fixture(1);
    let fastest = (0..20).map(|_| {
        let start = std::time::Instant::now();
        drop(it.vault.unlock(Credential::UnlockKey(&it.unlock_key)).unwrap());
        start.elapsed()
    });
    assert!(fastest.min().unwrap() < std::time::Duration::from_millis(5));
}

#[test]
fn a_staged_passphrase_opens_nothing_until_it_is_in_force_and_survives_a_crash() {
    let it = fixture(1);
    let (old, new) = (text(PASSPHRASE), text("another horse, another battery"));
    let slot = it.vault.slots().into_iter().find(|slot| slot.kind == SlotKind::Passphrase).unwrap();
    let staged = it.vault.stage_slot(&it.keys, Some(&slot.id), passphrase_slot(&new), "", &it.entropy).unwrap();
    let digest = staged.digest();
    drop(staged);
    let opens = |secret| Vault::load(&it.path).unwrap().unlock(Credential::Passphrase(secret)).is_ok();
    assert!(opens(&old) && !opens(&new), "staged is not in force");
    let found = StagedVault::find(&it.path).unwrap().unwrap();
    assert_eq!(found.digest(), digest);
    assert!(found.unlock(Credential::Passphrase(&old)).is_err());
    assert_eq!(found.unlock(Credential::Passphrase(&new)).unwrap().vault(), it.keys.vault());
    found.put_in_force().unwrap();
    assert!(!opens(&old) && opens(&new));
    assert!(StagedVault::find(&it.path).unwrap().is_none());
    let vault = Vault::load(&it.path).unwrap();
    assert_eq!(vault.slots().len(), 2, "the passphrase's slot was replaced, the other stays");
    vault.stage_slot(&it.keys, None, passphrase_slot(&old), "second", &it.entropy).unwrap().discard().unwrap();
    assert!(StagedVault::find(&it.path).unwrap().is_none() && !opens(&old));
}
