//! Attack 54: verification detects every change of an export and names the first wrong receipt.

use briefcase_receipts::{
    Kind, LogFolder, Receipt, ReceiptCheckpoint,
    checkpoint::SignedReceiptCheckpoint,
    export::{ExportError, export},
    merkle::leaf_hash,
    verify::{Contradiction, Replay, VerifyError, verify, verify_folder},
};
use briefcase_types::UnixMillis;
use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use crate::sample::{self, Files, exported, head_of, key, signing_key, story};

fn checked(files: &Files) -> Result<u64, VerifyError> {
    verify(files, &key(), None).map(|report| report.summary.receipts)
}

fn known(size: u64) -> ReceiptCheckpoint {
    head_of(&story(size), &signing_key()).checkpoint().clone()
}

/// The tile of leaf hashes and the bundle with a receipt.
fn paths(files: &Files, index: u64) -> (String, String) {
    let holds = |prefix: String| files.0.keys().find(|path| path.starts_with(&prefix)).unwrap().clone();
    (holds(format!("tile/0/{:03}", index / 256)), holds(format!("tile/entries/{:03}", index / 256)))
}

fn entries(bundle: &[u8]) -> Vec<Vec<u8>> {
    let (mut entries, mut rest) = (Vec::new(), bundle);
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (entry, after) = after.split_at(u16::from_be_bytes(*length).into());
        entries.push(entry.to_vec());
        rest = after;
    }
    entries
}

fn bundle(entries: &[Vec<u8>]) -> Vec<u8> {
    entries.iter().flat_map(|entry| [&(entry.len() as u16).to_be_bytes()[..], entry].concat()).collect()
}

#[test]
fn an_export_of_any_size_verifies() {
    for size in [0, 1, 2, 5, 8, 255, 256, 257, 511, 512, 700, 66_000] {
        let files = exported(&story(size));
        assert_eq!(checked(&files).unwrap(), size);
    }
    let report = verify(&exported(&story(700)), &key(), None).unwrap();
    let sum = report.summary;
    assert_eq!((sum.intents, sum.outcomes, sum.orphans, sum.open), (278, 277, 1, 0));
    assert_eq!(sum.first, Some(UnixMillis(1_763_712_000_000)));
}

#[test]
fn a_folder_on_disk_verifies_and_truncated_files_do_not() {
    let place = std::env::temp_dir().join(format!("briefcase-receipts-{}", std::process::id()));
    let receipts = story(300);
    export(&receipts[..], &head_of(&receipts, &signing_key()), &mut LogFolder::new(&place)).unwrap();
    assert_eq!(verify_folder(&place, &key(), Some(known(40))).unwrap().continues, Some(known(40)));
    let bundle = place.join("tile/entries/000");
    let bytes = std::fs::read(&bundle).unwrap();
    std::fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    let error = verify_folder(&place, &key(), None).unwrap_err();
    std::fs::remove_dir_all(&place).unwrap();
    assert!(matches!(error, VerifyError::Missing { index: 255, size: 300 }), "{error}");
    assert!(matches!(verify_folder(&place, &key(), None), Err(VerifyError::NoCheckpoint)));
}

#[test]
fn an_edited_receipt_is_named() {
    let files = exported(&story(600));
    for index in [0, 1, 255, 256, 300, 599] {
        let mut edited = files.clone();
        let (_, path) = paths(&files, index);
        let mut receipts = entries(&edited.0[&path]);
        let receipt = &mut receipts[(index % 256) as usize];
        let text = String::from_utf8(receipt.clone()).unwrap();
        *receipt = text.replace("\"at\":17637", "\"at\":17638").into_bytes();
        edited.0.insert(path, bundle(&receipts));
        assert_eq!(checked(&edited).unwrap_err().index(), Some(index));
    }
}

#[test]
fn a_deleted_or_moved_receipt_is_named() {
    let files = exported(&story(600));
    let (_, path) = paths(&files, 300);
    let receipts = entries(&files.0[&path]);
    let mut deleted = files.clone();
    deleted.0.insert(path.clone(), bundle(&[&receipts[..44], &receipts[45..]].concat()));
    assert_eq!(checked(&deleted).unwrap_err().index(), Some(300));
    let mut swapped = files.clone();
    let mut turned = receipts.clone();
    turned.swap(44, 60);
    swapped.0.insert(path.clone(), bundle(&turned));
    assert_eq!(checked(&swapped).unwrap_err().index(), Some(300));
    let mut added = files;
    let more: Vec<_> = receipts.iter().cloned().chain([receipts[0].clone()]).collect();
    added.0.insert(path, bundle(&more));
    assert!(matches!(checked(&added), Err(VerifyError::Surplus { index: 511 })));
}

#[test]
fn a_cut_tail_is_named() {
    let files = exported(&story(600));
    let shorter = exported(&story(590));
    let mut cut = shorter.clone();
    cut.0.insert("checkpoint".into(), files.0["checkpoint"].clone());
    assert!(matches!(checked(&cut), Err(VerifyError::Missing { index: 512, size: 600 })));
    // With an older checkpoint in place of the newest one, only somebody who has seen the newer one notices.
    assert_eq!(checked(&shorter).unwrap(), 590);
    let error = verify(&shorter, &key(), Some(known(600))).unwrap_err();
    assert!(matches!(error, VerifyError::RolledBack { size: 590, known: 600 }));
}

/// An attacker edits a receipt and derives every hash again, without the key.
#[test]
fn a_rewritten_history_does_not_have_the_signature() {
    let mut receipts = story(600);
    let honest = head_of(&receipts, &signing_key());
    let text = String::from_utf8(receipts[300].clone()).unwrap();
    receipts[300] = text.replace("github", "gitlab").into_bytes();
    let mut forged = exported(&receipts);
    forged.0.insert("checkpoint".into(), honest.note().into());
    assert!(matches!(checked(&forged), Err(VerifyError::Forged { size: 600 })));
    // A signature by another key is rejected.
    let other = head_of(&receipts, &SigningKey::from_bytes(&[9; 32]));
    forged.0.insert("checkpoint".into(), other.note().into());
    assert!(matches!(checked(&forged), Err(VerifyError::Checkpoint(_))));
}

/// An attacker with the key: only an older, saved checkpoint reveals the fork.
#[test]
fn a_fork_is_found_with_an_older_checkpoint() {
    let mut receipts = story(600);
    let text = String::from_utf8(receipts[300].clone()).unwrap();
    receipts[300] = text.replace("github", "gitlab").into_bytes();
    let forked = exported(&receipts);
    assert!(checked(&forked).is_ok());
    assert!(verify(&forked, &key(), Some(known(300))).is_ok(), "before the fork both histories are one");
    for size in [301, 600] {
        let error = verify(&forked, &key(), Some(known(size))).unwrap_err();
        assert!(matches!(error, VerifyError::Forked { known } if known == size));
    }
    let mut other_log = known(10);
    other_log.origin = "briefcase/elsewhere/AQAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
    assert!(matches!(verify(&forked, &key(), Some(other_log)), Err(VerifyError::OtherLog)));
}

#[test]
fn a_missing_or_wrong_tile_is_named() {
    let files = exported(&story(66_000));
    for (path, index) in [("tile/0/003", 768), ("tile/1/000", 0), ("tile/1/001.p/1", 65_536), ("tile/2/000.p/1", 0)] {
        let mut without = files.clone();
        without.0.remove(path).unwrap();
        let error = checked(&without).unwrap_err();
        assert!(
            matches!(&error, VerifyError::Tile { path: named, index: at } if named == path && *at == index),
            "{error}"
        );
    }
    let mut wrong = files;
    wrong.0.get_mut("tile/1/000").unwrap()[5] ^= 1;
    assert_eq!(checked(&wrong).unwrap_err().index(), Some(0));
}

#[test]
fn every_flipped_bit_of_a_small_export_is_found() {
    let files = exported(&story(12));
    for (path, bytes) in &files.0 {
        for at in 0..bytes.len() {
            let mut flipped = files.clone();
            flipped.0.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
            assert!(checked(&flipped).is_err(), "{path} byte {at}");
        }
    }
}

fn contradiction(kinds: Vec<(u64, Kind)>) -> (u64, Contradiction) {
    let mut replay = Replay::new();
    for (at, kind) in kinds {
        let encoded = Receipt { at: UnixMillis(at), kind }.encode().unwrap();
        match replay.push(&encoded) {
            Ok((_, leaf)) => assert_eq!(leaf, leaf_hash(&encoded)),
            Err(VerifyError::Story { index, contradiction }) => return (index, contradiction),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no contradiction")
}

#[test]
fn receipts_that_contradict_each_other_are_named() {
    let intent = |call| Kind::Intent(sample::intent(call));
    let outcome = |call, intent| Kind::Outcome(sample::outcome(call, intent));
    assert_eq!(contradiction(vec![(5, intent(1)), (4, outcome(1, None))]), (1, Contradiction::Time));
    assert_eq!(contradiction(vec![(5, outcome(1, None))]), (0, Contradiction::NoIntent));
    assert_eq!(
        contradiction(vec![(5, intent(1)), (5, outcome(1, Some(0))), (5, outcome(1, Some(0)))]),
        (2, Contradiction::NoIntent)
    );
    assert_eq!(
        contradiction(vec![(5, intent(1)), (5, intent(2)), (5, outcome(1, Some(1)))]),
        (2, Contradiction::OtherIntent)
    );
    assert_eq!(contradiction(vec![(5, intent(1)), (5, intent(1))]), (1, Contradiction::SecondIntent));
}

#[test]
fn open_calls_are_listed_oldest_first() {
    let mut replay = Replay::new();
    for call in [9, 4, 7] {
        replay
            .push(&Receipt { at: UnixMillis(1), kind: Kind::Intent(sample::intent(call)) }.encode().unwrap())
            .unwrap();
    }
    replay
        .push(&Receipt { at: UnixMillis(2), kind: Kind::Outcome(sample::outcome(4, Some(1))) }.encode().unwrap())
        .unwrap();
    let open: Vec<_> = replay.open().into_iter().map(|(call, index)| (call, index.0)).collect();
    assert_eq!(open, [(sample::call(9), 0), (sample::call(7), 2)]);
    assert_eq!(replay.summary().open, 2);
}

#[test]
fn only_the_signed_log_is_exported() {
    let receipts = story(300);
    let mut files = Files::default();
    let other = head_of(&story(299), &signing_key());
    let mut edited = receipts.clone();
    edited[3] = b"{}".to_vec();
    assert!(matches!(export(&edited[..299], &other, &mut files), Err(ExportError::NotSigned)));
    assert!(matches!(export(&receipts[..200], &other, &mut files), Err(ExportError::Read(_))));
    assert!(!files.0.contains_key("checkpoint"), "what failed must not look like an export");
    let head = SignedReceiptCheckpoint::verify(other.note().as_bytes(), &key()).unwrap();
    assert!(export(&receipts[..], &head, &mut files).is_ok(), "a head may be older than the log");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damage_of_any_kind_is_found(
        size in 1_u64..600,
        file in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        how in 0..4,
    ) {
        let files = exported(&story(size));
        let mut damaged = files.clone();
        let path = damaged.0.keys().nth(file.index(damaged.0.len())).unwrap().clone();
        let bytes = damaged.0.get_mut(&path).unwrap();
        let at = place.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
        prop_assume!(damaged.0[&path] != files.0[&path]);
        prop_assert!(checked(&damaged).is_err(), "{} at {}", path, at);
    }
}
