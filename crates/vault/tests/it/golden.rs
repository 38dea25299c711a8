//! Files of version 1 open in every later version, and version 1 still writes the same bytes.
//!
//! `WRITE_VECTORS=1 cargo test -p briefcase-vault --test it golden` writes them, once for each version.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::{Incarnation, UnixMillis};
use briefcase_vault::{
    Credential, LogKey, Purpose, SealedRecord, UnlockKey, Vault,
    backup::{self, BackupSource, FileEntry, Moment, Opener, Recipient},
};
use serde_json::{Value, json};

use crate::{PASSPHRASE, fixture, records::ADDRESS, secret, shown, text};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/vault/v1")
}

/// Returns the files of version 1 from a fixed seed: `vault.json`, an archive, and the sealed values in `sealed.json`.
fn written() -> (Vec<u8>, Vec<u8>, Value) {
    let mut it = fixture(2026);
    let record = it.keys.seal(ADDRESS, &secret("the first secret"), &it.entropy).unwrap();
    it.vault.begin_rotation(&mut it.keys).unwrap();
    let rewrapped = it.keys.rewrap(ADDRESS, &record, &it.entropy).unwrap().unwrap();
    let sealer = it.keys.sealer(Purpose::Authority).unwrap();
    let document = sealer.seal(&[b"1"], b"the first document", &it.entropy).unwrap();
    let log = LogKey::generate(&it.entropy);
    let log_record = log.seal(&it.keys, &it.entropy).unwrap();
    let mac = it.keys.commitment_mac().unwrap().mac("label", &[b"value"]).unwrap();
    let mut archive = Vec::new();
    let mut content = b"the first backup".as_slice();
    let entry = FileEntry { name: "head".into(), bytes: 16 };
    let head = "briefcase/1\n0\n";
    let moment = Moment { created: UnixMillis(1), incarnation: Incarnation::random(&it.entropy), head: head.into() };
    let mut sources = [BackupSource { entry, content: &mut content }];
    backup::seal(&mut archive, Recipient::UnlockKey(&it.unlock_key), moment, &mut sources, &it.entropy).unwrap();
    let sealed = json!({
        "passphrase": PASSPHRASE,
        "unlock_key": it.unlock_key.text().expose(str::to_owned),
        "record": URL_SAFE_NO_PAD.encode(record.as_bytes()),
        "record_rewrapped": URL_SAFE_NO_PAD.encode(rewrapped.as_bytes()),
        "document": URL_SAFE_NO_PAD.encode(document),
        "log_key": URL_SAFE_NO_PAD.encode(log_record.as_bytes()),
        "log_public_key": URL_SAFE_NO_PAD.encode(log.public_key()),
        "commitment": mac,
    });
    (fs::read(&it.path).unwrap(), archive, sealed)
}

fn bytes(sealed: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(sealed[name].as_str().unwrap()).unwrap()
}

fn write_golden() {
    let (vault, archive, sealed) = written();
    fs::create_dir_all(folder()).unwrap();
    fs::write(folder().join("vault.json"), vault).unwrap();
    fs::write(folder().join("backup.bin"), archive).unwrap();
    fs::write(folder().join("sealed.json"), serde_json::to_string_pretty(&sealed).unwrap() + "\n").unwrap();
}

#[test]
fn version_1_still_writes_the_same_bytes() {
    if std::env::var_os("WRITE_VECTORS").is_some() {
        write_golden();
    }
    let (vault, archive, sealed) = written();
    assert_eq!(fs::read(folder().join("vault.json")).unwrap(), vault);
    assert_eq!(fs::read(folder().join("backup.bin")).unwrap(), archive);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(folder().join("sealed.json")).unwrap()).unwrap(), sealed);
}

#[test]
fn version_1_files_still_open() {
    let sealed: Value = serde_json::from_slice(&fs::read(folder().join("sealed.json")).unwrap()).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("vault.json");
    fs::copy(folder().join("vault.json"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let vault = Vault::load(&path).unwrap();
    let unlock_key = UnlockKey::parse(&text(sealed["unlock_key"].as_str().unwrap())).unwrap();
    let passphrase = text(sealed["passphrase"].as_str().unwrap());
    for credential in [Credential::Passphrase(&passphrase), Credential::UnlockKey(&unlock_key)] {
        let keys = vault.unlock(credential).unwrap();
        for name in ["record", "record_rewrapped"] {
            let record = SealedRecord::from_bytes(bytes(&sealed, name));
            assert_eq!(shown(&keys.open(ADDRESS, &record).unwrap()), b"the first secret", "{name}");
        }
        let sealer = keys.sealer(Purpose::Authority).unwrap();
        assert_eq!(*sealer.open(&[b"1"], &bytes(&sealed, "document")).unwrap(), b"the first document");
        let log = LogKey::open(&keys, &SealedRecord::from_bytes(bytes(&sealed, "log_key"))).unwrap();
        assert_eq!(log.public_key().to_vec(), bytes(&sealed, "log_public_key"));
    }
    let archive = fs::read(folder().join("backup.bin")).unwrap();
    let manifest = backup::open(&mut archive.as_slice(), Opener::UnlockKey(&unlock_key)).unwrap().verify().unwrap();
    assert_eq!(manifest.moment.head, "briefcase/1\n0\n");
}
