//! Bytes that the vault did not seal never open.
#![no_main]

use std::sync::OnceLock;

use briefcase_types::Entropy;
use briefcase_vault::{NewSlot, RecordAddress, SealedRecord, UnlockKey, Unlocked, Vault};
use libfuzzer_sys::fuzz_target;

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn keys() -> &'static Unlocked {
    static KEYS: OnceLock<Unlocked> = OnceLock::new();
    KEYS.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("vault-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let key = UnlockKey::generate(&Zeros);
        let made =
            Vault::create(&folder.join("vault.json"), NewSlot::UnlockKey(&key), "fuzz", &Zeros).expect("a vault").1;
        drop(std::fs::remove_dir_all(folder));
        made
    })
}

fuzz_target!(|data: &[u8]| {
    let address = RecordAddress { kind: "secret", id: "x", audience: "y", version: 1 };
    assert!(keys().open(address, &SealedRecord::from_bytes(data.to_vec())).is_err());
});
