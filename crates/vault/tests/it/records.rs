use briefcase_types::SecretBytes;
use briefcase_vault::{LogKey, Purpose, RecordAddress, SealedRecord, Vault, VaultError};
use proptest::prelude::*;

use crate::{Fixture, fixture, secret, shown};

pub const ADDRESS: RecordAddress<'static> = RecordAddress {
    kind: "credential",
    id: "github",
    audience: "https://api.example.com:443 header authorization",
    version: 3,
};

fn does_not_open<T>(result: Result<T, VaultError>) -> bool {
    matches!(result.err(), Some(VaultError::DoesNotOpen))
}

#[test]
fn a_record_opens_only_under_its_own_address() {
    let it = fixture(1);
    let sealed = it.keys.seal(ADDRESS, &secret("token"), &it.entropy).unwrap();
    assert_eq!(shown(&it.keys.open(ADDRESS, &sealed).unwrap()), b"token");
    for elsewhere in [
        RecordAddress { kind: "note", ..ADDRESS },
        RecordAddress { id: "gitlab", ..ADDRESS },
        RecordAddress { audience: "https://evil.example:443 header authorization", ..ADDRESS },
        RecordAddress { audience: "https://api.example.com:443 header x-api-key", ..ADDRESS },
        RecordAddress { version: 2, ..ADDRESS },
        RecordAddress { version: 4, ..ADDRESS },
        RecordAddress { kind: "credentialg", id: "ithub", ..ADDRESS },
        RecordAddress { id: "", audience: "githubhttps://api.example.com:443 header authorization", ..ADDRESS },
    ] {
        assert!(does_not_open(it.keys.open(elsewhere, &sealed)), "{elsewhere:?}");
    }
    assert!(does_not_open(fixture(2).keys.open(ADDRESS, &sealed)), "another vault");
}

#[test]
fn an_older_value_cannot_replace_a_newer_one() {
    let it = fixture(1);
    let newer = RecordAddress { version: 4, ..ADDRESS };
    let old = it.keys.seal(ADDRESS, &secret("revoked"), &it.entropy).unwrap();
    let new = it.keys.seal(newer, &secret("valid"), &it.entropy).unwrap();
    assert!(does_not_open(it.keys.open(newer, &old)));
    assert_eq!(shown(&it.keys.open(newer, &new).unwrap()), b"valid");
}

#[test]
fn every_flipped_bit_and_every_cut_fails_alike() {
    let it = fixture(1);
    let sealed = it.keys.seal(ADDRESS, &secret("token"), &it.entropy).unwrap();
    for at in 0..sealed.as_bytes().len() {
        for bit in 0..8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            assert!(does_not_open(it.keys.open(ADDRESS, &SealedRecord::from_bytes(bytes))), "byte {at} bit {bit}");
        }
        let cut = sealed.as_bytes()[..at].to_vec();
        assert!(does_not_open(it.keys.open(ADDRESS, &SealedRecord::from_bytes(cut))), "cut at {at}");
    }
    let longer = [sealed.as_bytes(), b"\0"].concat();
    assert!(does_not_open(it.keys.open(ADDRESS, &SealedRecord::from_bytes(longer))));
}

#[test]
fn halves_of_two_records_do_not_make_a_third() {
    let it = fixture(1);
    let one = it.keys.seal(ADDRESS, &secret("one"), &it.entropy).unwrap();
    let two = it.keys.seal(ADDRESS, &secret("two"), &it.entropy).unwrap();
    let key_of_one = 4 + 4 + 104;
    let mixed = [&one.as_bytes()[..key_of_one], &two.as_bytes()[key_of_one..]].concat();
    assert!(does_not_open(it.keys.open(ADDRESS, &SealedRecord::from_bytes(mixed))));
}

#[test]
fn sealing_twice_yields_unrelated_bytes() {
    let it = fixture(1);
    let one = it.keys.seal(ADDRESS, &secret("token"), &it.entropy).unwrap();
    let two = it.keys.seal(ADDRESS, &secret("token"), &it.entropy).unwrap();
    assert_ne!(one.as_bytes()[8..], two.as_bytes()[8..]);
    let large = SecretBytes::new(vec![0; 1024 * 1024 + 1]);
    assert!(matches!(it.keys.seal(ADDRESS, &large, &it.entropy).err(), Some(VaultError::TooLarge(_))));
}

/// Ten records: four are rewrapped, then a restart, then the rest.
#[test]
fn a_rotation_survives_a_restart_in_the_middle() {
    let Fixture { folder: _folder, path, mut vault, mut keys, unlock_key, entropy } = fixture(1);
    let ids: Vec<String> = (0..10).map(|id| format!("r{id}")).collect();
    let address = |at: usize| RecordAddress { id: &ids[at], ..ADDRESS };
    let seal = |at| keys.seal(address(at), &secret(&ids[at]), &entropy).unwrap();
    let mut stored: Vec<SealedRecord> = (0..10).map(seal).collect();
    let old = stored.clone();

    vault.begin_rotation(&mut keys).unwrap();
    assert!(matches!(vault.begin_rotation(&mut keys).err(), Some(VaultError::Rotation(_))));
    for (at, record) in stored.iter_mut().enumerate().take(4) {
        *record = keys.rewrap(address(at), record, &entropy).unwrap().unwrap();
    }
    keys.lock();

    let mut vault = Vault::load(&path).unwrap();
    let mut keys = vault.unlock(briefcase_vault::Credential::UnlockKey(&unlock_key)).unwrap();
    assert!(vault.rotating());
    for (at, record) in stored.iter_mut().enumerate() {
        assert_eq!(shown(&keys.open(address(at), record).unwrap()), ids[at].as_bytes(), "open throughout");
        if let Some(rewrapped) = keys.rewrap(address(at), record, &entropy).unwrap() {
            assert!(at >= 4, "done before the restart");
            *record = rewrapped;
        }
    }
    vault.finish_rotation(&mut keys).unwrap();
    assert!(matches!(vault.finish_rotation(&mut keys).err(), Some(VaultError::Rotation(_))));
    for (at, record) in stored.iter().enumerate() {
        assert_eq!(record.key_version(), Some(2));
        assert_eq!(shown(&keys.open(address(at), record).unwrap()), ids[at].as_bytes());
        assert!(does_not_open(keys.open(address(at), &old[at])), "the old wrapping no longer opens");
    }
}

#[test]
fn documents_open_in_their_place_and_purpose_only() {
    let it = fixture(1);
    let sealer = it.keys.sealer(Purpose::Authority).unwrap();
    let sealed = sealer.seal(&[b"7"], b"document", &it.entropy).unwrap();
    assert_eq!(*sealer.open(&[b"7"], &sealed).unwrap(), b"document");
    assert!(does_not_open(sealer.open(&[b"6"], &sealed)));
    assert!(does_not_open(sealer.open(&[b"7", b""], &sealed)));
    for purpose in [Purpose::Ledger, Purpose::ReceiptOpenings] {
        assert!(does_not_open(it.keys.sealer(purpose).unwrap().open(&[b"7"], &sealed)));
    }
    let again = it.vault.unlock(briefcase_vault::Credential::UnlockKey(&it.unlock_key)).unwrap();
    assert_eq!(*again.sealer(Purpose::Authority).unwrap().open(&[b"7"], &sealed).unwrap(), b"document");
    assert!(does_not_open(fixture(2).keys.sealer(Purpose::Authority).unwrap().open(&[b"7"], &sealed)));
}

#[test]
fn commitments_belong_to_one_vault_label_and_value() {
    let it = fixture(1);
    let key = it.keys.commitment_mac().unwrap();
    let mac = key.mac("argument", &[b"path", b"value"]).unwrap();
    assert_eq!(mac, it.keys.commitment_mac().unwrap().mac("argument", &[b"path", b"value"]).unwrap());
    assert_ne!(mac, key.mac("argument", &[b"pathv", b"alue"]).unwrap());
    assert_ne!(mac, key.mac("argument2", &[b"path", b"value"]).unwrap());
    assert_ne!(mac, fixture(2).keys.commitment_mac().unwrap().mac("argument", &[b"path", b"value"]).unwrap());
}

#[test]
fn the_log_key_survives_its_record_and_signs() {
    let it = fixture(1);
    let key = LogKey::generate(&it.entropy);
    let sealed = key.seal(&it.keys, &it.entropy).unwrap();
    let back = LogKey::open(&it.keys, &sealed).unwrap();
    assert_eq!(back.public_key(), key.public_key());
    let public = ed25519_dalek::VerifyingKey::from_bytes(&key.public_key()).unwrap();
    public.verify_strict(b"checkpoint", &back.sign(b"checkpoint").into()).unwrap();
    let disguised = it.keys.seal(ADDRESS, &SecretBytes::new(vec![7; 32]), &it.entropy).unwrap();
    assert!(does_not_open(LogKey::open(&it.keys, &disguised)), "another record cannot pass for the log key");
}

proptest! {
    #[test]
    fn any_secret_survives_any_address(
        kind in ".{0,20}", id in ".{0,20}", audience in ".{0,40}", version: u64, bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        thread_local!(static IT: Fixture = fixture(3));
        IT.with(|it| {
            let address = RecordAddress { kind: &kind, id: &id, audience: &audience, version };
            let sealed = it.keys.seal(address, &SecretBytes::new(bytes.clone()), &it.entropy).unwrap();
            prop_assert_eq!(shown(&it.keys.open(address, &sealed).unwrap()), bytes);
            Ok(())
        })?;
    }

    #[test]
    fn no_bytes_open_as_a_record(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        thread_local!(static IT: Fixture = fixture(3));
        prop_assert!(IT.with(|it| does_not_open(it.keys.open(ADDRESS, &SealedRecord::from_bytes(bytes)))));
    }
}
