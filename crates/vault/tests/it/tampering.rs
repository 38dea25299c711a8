//! Attack 56: after any change of `vault.json` every credential fails, with the same error.

use briefcase_vault::{Credential, NewSlot, SlotFile, Vault, VaultError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Fixture, PASSPHRASE, fixture, text};

const UNREADABLE: &str = "not a readable vault.json: it was changed or cut off; restore it from a backup";

/// Writes the changed file over the real one and tries every credential.
fn outcomes(it: &Fixture, changed: &Value) -> Vec<String> {
    std::fs::write(&it.path, changed.to_string()).unwrap();
    let passphrase = text(PASSPHRASE);
    [Credential::Passphrase(&passphrase), Credential::UnlockKey(&it.unlock_key)]
        .into_iter()
        .map(|credential| match Vault::load(&it.path).and_then(|vault| vault.unlock(credential)) {
            Ok(_) => "opened".to_owned(),
            Err(error) => error.to_string(),
        })
        .collect()
}

/// Returns the text with its `at`-th base64url character changed.
fn flipped(text: &Value, at: usize) -> Value {
    let mut symbols: Vec<char> = text.as_str().unwrap().chars().collect();
    symbols[at] = if symbols[at] == 'A' { 'B' } else { 'A' };
    Value::String(symbols.into_iter().collect())
}

type Change = Box<dyn Fn(&mut Value)>;

fn set(pointer: &'static str, value: Value) -> (String, Change) {
    (format!("{pointer} = {value}"), Box::new(move |file| *file.pointer_mut(pointer).unwrap() = value.clone()))
}

fn flip(pointer: &'static str, at: usize) -> (String, Change) {
    let change = move |file: &mut Value| {
        let place = file.pointer_mut(pointer).unwrap();
        *place = flipped(place, at);
    };
    (format!("{pointer} flipped at {at}"), Box::new(change))
}

fn slots(name: &str, change: impl Fn(&mut Vec<Value>) + 'static) -> (String, Change) {
    (name.to_owned(), Box::new(move |file| change(file["slots"].as_array_mut().unwrap())))
}

fn mutations(foreign: &Value) -> Vec<(String, Change)> {
    let (theirs, their_slot) = (foreign.clone(), foreign["slots"][1].clone());
    let mut all = vec![
        set("/slots/0/protection/cost/memory_kib", json!(8)),
        set("/slots/0/protection/cost/memory_kib", json!(19 * 1024 + 1)),
        set("/slots/0/protection/cost/memory_kib", json!(4_000_000_000_u32)),
        set("/slots/0/protection/cost/passes", json!(1)),
        set("/slots/0/protection/cost/passes", json!(3)),
        set("/slots/0/protection/cost/passes", json!(1_000_000)),
        set("/slots/0/protection/cost/lanes", json!(0)),
        set("/slots/0/protection/cost/lanes", json!(2)),
        set("/slots/0/label", json!("harmless")),
        set("/slots/1/label", json!("harmless")),
        set("/slots/0/id", json!("0123456789")),
        set("/slots/1/id", json!("0123456789")),
        set("/record_keys", json!({ "current": 2, "oldest": 1 })),
        set("/record_keys", json!({ "current": 0, "oldest": 0 })),
        set("/record_keys", json!({ "current": 1, "oldest": 2 })),
        set("/revision", json!(1)),
        set("/revision", json!(3)),
        set("/vault", theirs["vault"].clone()),
        set("/mac", theirs["mac"].clone()),
        slots("first removed", |slots| drop(slots.remove(0))),
        slots("second removed", |slots| drop(slots.remove(1))),
        slots("all removed", Vec::clear),
        slots("order swapped", |slots| slots.swap(0, 1)),
        slots("one twice", |slots| slots.push(slots[1].clone())),
        slots("wrapped keys swapped", |slots| {
            let (one, two) = (slots[0]["wrapped"].clone(), slots[1]["wrapped"].clone());
            (slots[0]["wrapped"], slots[1]["wrapped"]) = (two, one);
        }),
        slots("protections swapped", |slots| {
            let (one, two) = (slots[0]["protection"].clone(), slots[1]["protection"].clone());
            (slots[0]["protection"], slots[1]["protection"]) = (two, one);
        }),
        slots("a slot of another vault added", move |slots| slots.push(their_slot.clone())),
    ];
    for pointer in ["/vault", "/mac", "/slots/0/protection/salt", "/slots/1/protection/salt"] {
        all.push(flip(pointer, 3));
    }
    // Nonce, commitment, ciphertext and authenticator of the wrapped root key.
    for at in [2, 40, 80, 130] {
        all.push(flip("/slots/0/wrapped", at));
        all.push(flip("/slots/1/wrapped", at));
    }
    all
}

#[test]
fn attack_56_every_change_of_the_file_fails_every_credential_alike() {
    let it = fixture(1);
    let genuine: Value = serde_json::from_slice(&std::fs::read(&it.path).unwrap()).unwrap();
    let other = fixture(2);
    let foreign: Value = serde_json::from_slice(&std::fs::read(&other.path).unwrap()).unwrap();
    assert_eq!(outcomes(&it, &genuine), ["opened", "opened"]);
    let all = mutations(&foreign);
    assert!(all.len() >= 30);
    let expected = VaultError::DoesNotOpen.to_string();
    for (name, change) in all {
        let mut changed = genuine.clone();
        change(&mut changed);
        assert_ne!(changed, genuine, "{name}");
        for outcome in outcomes(&it, &changed) {
            assert_eq!(outcome, expected, "{name}");
        }
    }
}

#[test]
fn attack_56_unknown_forms_are_named_without_repeating_them() {
    let it = fixture(1);
    let genuine: Value = serde_json::from_slice(&std::fs::read(&it.path).unwrap()).unwrap();
    let mut newer = genuine.clone();
    newer["version"] = json!(2);
    assert!(outcomes(&it, &newer)[0].contains("format 2"));
    for (pointer, value) in [
        ("/version", json!("1")),
        ("/slots", json!({})),
        ("/slots/0/protection/kind", json!("none\u{1b}[2J")),
        ("/slots/0/wrapped", json!("AAAA")),
        ("/slots/0/id", json!("../../etc")),
        ("/revision", json!(-1)),
        ("/mac", json!("====")),
    ] {
        let mut changed = genuine.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert_eq!(outcomes(&it, &changed), [UNREADABLE; 2], "{pointer}");
    }
    let mut extra = genuine.clone();
    extra["comment"] = json!("ignored?");
    assert_eq!(outcomes(&it, &extra), [UNREADABLE; 2], "nothing unauthenticated is accepted");
    let twice = genuine.to_string().replacen("\"revision\":2", "\"revision\":2,\"revision\":2", 1);
    assert!(SlotFile::parse(twice.as_bytes()).is_err(), "the same name twice");
    assert!(SlotFile::parse(&vec![b' '; 70_000]).is_err(), "too large");
}

#[test]
fn a_tampered_file_is_not_signed_again_by_an_open_daemon() {
    let it = fixture(1);
    let mut changed: Value = serde_json::from_slice(&std::fs::read(&it.path).unwrap()).unwrap();
    changed["slots"][0]["protection"]["cost"]["passes"] = json!(3);
    std::fs::write(&it.path, changed.to_string()).unwrap();
    let mut reloaded = Vault::load(&it.path).unwrap();
    let edit = reloaded.add_slot(&it.keys, NewSlot::UnlockKey(&it.unlock_key), "x", &it.entropy);
    assert!(matches!(edit.err(), Some(VaultError::DoesNotOpen)));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(SlotFile::parse(&bytes).is_err());
    }

    #[test]
    fn a_genuine_file_with_any_byte_changed_never_opens_as_something_else(at in 0_usize..4000, byte: u8) {
        thread_local!(static IT: (Fixture, Vec<u8>) = { let it = fixture(4); let bytes = std::fs::read(&it.path).unwrap(); (it, bytes) });
        IT.with(|(it, genuine)| {
            let mut bytes = genuine.clone();
            let at = at % bytes.len();
            bytes[at] = byte;
            std::fs::write(&it.path, &bytes).unwrap();
            let opened = Vault::load(&it.path).and_then(|vault| vault.unlock(Credential::UnlockKey(&it.unlock_key)).map(|_| vault));
            if let Ok(vault) = opened {
                // Only the layout can differ: all content is authenticated.
                prop_assert_eq!(vault.slots(), it.vault.slots());
                prop_assert_eq!(vault.revision(), it.vault.revision());
            }
            Ok(())
        })?;
    }
}
