use briefcase_types::SecretString;
use briefcase_vault::{UnlockKey, UnlockKeyError};
use proptest::prelude::*;

use crate::{seeded, text};

fn shown(key: &UnlockKey) -> String {
    key.text().expose(str::to_owned)
}

fn read(typed: &str) -> Result<String, UnlockKeyError> {
    UnlockKey::parse(&text(typed)).map(|key| shown(&key))
}

#[test]
fn an_unlock_key_survives_how_people_copy_it() {
    let key = shown(&UnlockKey::generate(&seeded(1)));
    let groups: Vec<&str> = key.split('-').collect();
    assert_eq!((groups[0], groups.len()), ("BRIEFCASE", 9));
    assert!(groups[1..].iter().all(|group| group.len() == 7));
    assert!(!groups[1..].concat().contains(['I', 'L', 'O', 'U']), "{key}");
    for typed in [
        key.clone(),
        key.to_lowercase(),
        format!("  {key}\n"),
        format!("BRIEFCASE-{}", groups[1..].concat()),
        format!("briefcase-{}", groups[1..].join(" ")),
        format!("BRIEFCASE-{}", groups[1..].concat().replace('0', "o").replace('1', "l")),
    ] {
        assert_eq!(read(&typed).as_ref(), Ok(&key), "{typed}");
    }
}

#[test]
fn every_single_typing_mistake_is_detected() {
    let key = shown(&UnlockKey::generate(&seeded(2)));
    for at in "BRIEFCASE-".len()..key.len() {
        let original = key.as_bytes()[at];
        for wrong in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".bytes().filter(|wrong| original != b'-' && *wrong != original) {
            let mut typed = key.clone().into_bytes();
            typed[at] = wrong;
            assert_eq!(read(&String::from_utf8(typed).unwrap()), Err(UnlockKeyError::Checksum), "at {at}");
        }
        if at + 1 < key.len()
            && original != key.as_bytes()[at + 1]
            && original != b'-'
            && key.as_bytes()[at + 1] != b'-'
        {
            let mut typed = key.clone().into_bytes();
            typed.swap(at, at + 1);
            assert_eq!(read(&String::from_utf8(typed).unwrap()), Err(UnlockKeyError::Checksum), "swapped at {at}");
        }
    }
}

#[test]
fn other_texts_are_not_unlock_keys() {
    let key = shown(&UnlockKey::generate(&seeded(3)));
    for typed in [
        "",
        "BRIEFCASE-",
        "BRIEFCASE",
        key.trim_start_matches("BRIEFCASE-"),
        key.split_at(key.len() - 1).0,
        &format!("{key}0"),
        &key.replace('-', "_"),
    ] {
        assert_eq!(read(typed), Err(UnlockKeyError::Form), "{typed}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(typed in ".{0,200}") {
        prop_assert!(UnlockKey::parse(&SecretString::new(typed.clone())).is_err());
        let prefixed = SecretString::new(["BRIEFCASE-", &typed].concat());
        prop_assert!(UnlockKey::parse(&prefixed).is_err());
    }
}
