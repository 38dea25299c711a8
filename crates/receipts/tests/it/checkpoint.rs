//! Only the log's key signs a checkpoint, and only a witness's key a cosignature.

use briefcase_receipts::{
    PublicKey, ReceiptCheckpoint,
    checkpoint::{CheckpointError, ReceiptLogOrigin, SignedReceiptCheckpoint, Witness},
};
use briefcase_types::Digest;
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

use crate::{sample, vector};

fn head() -> ReceiptCheckpoint {
    let origin = ReceiptLogOrigin::new("install-1", &sample::incarnation()).unwrap();
    ReceiptCheckpoint { origin, size: 1042, root: Digest::sha256(b"root") }
}

fn signed() -> SignedReceiptCheckpoint {
    head().sign(&sample::key(), |text| Some(sample::signing_key().sign(text).to_bytes())).unwrap()
}

#[test]
fn a_checkpoint_is_a_note_that_other_tools_read() {
    let signed = signed();
    let lines: Vec<&str> = signed.note().lines().collect();
    assert_eq!(lines[..2], ["briefcase/install-1/AQAAAAAAAAAAAAAAAAAAAA", "1042"]);
    assert_eq!((lines[2].len(), lines[3], lines.len()), (44, "", 5));
    assert!(lines[4].starts_with("— briefcase/install-1/AQAAAAAAAAAAAAAAAAAAAA "));
    let verifier = signed_note::StandardVerifier::new(&sample::key().verifier_key(head().origin.as_str())).unwrap();
    let note = signed_note::Note::from_bytes(signed.note().as_bytes()).unwrap();
    assert!(note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).is_ok());
    assert_eq!(
        SignedReceiptCheckpoint::verify(signed.note().as_bytes(), &sample::key()).unwrap().checkpoint(),
        &head()
    );
}

#[test]
fn no_other_key_signs() {
    let other = SigningKey::from_bytes(&[1; 32]);
    let forged = head().sign(&sample::key(), |text| Some(other.sign(text).to_bytes()));
    assert_eq!(forged.unwrap_err(), CheckpointError::Signature);
    assert_eq!(head().sign(&sample::key(), |_| None).unwrap_err(), CheckpointError::NotSigned);
    let other_key = PublicKey::from_bytes(other.verifying_key().as_bytes()).unwrap();
    assert_eq!(
        SignedReceiptCheckpoint::verify(signed().note().as_bytes(), &other_key).unwrap_err(),
        CheckpointError::Unsigned
    );
    let bigger = signed().note().replace("\n1042\n", "\n1043\n");
    assert_eq!(
        SignedReceiptCheckpoint::verify(bigger.as_bytes(), &sample::key()).unwrap_err(),
        CheckpointError::Signature
    );
}

#[test]
fn foreign_checkpoints_are_refused() {
    let sign = |text: &str| {
        let name = text.lines().next().unwrap();
        let key = signed_note::new_ed25519_verifier_key(name, &sample::signing_key().verifying_key());
        let id = u32::from_str_radix(key.split('+').nth(1).unwrap(), 16).unwrap();
        let line =
            signed_note::Signature::new(name.into(), id, sample::signing_key().sign(text.as_bytes()).to_vec()).unwrap();
        let note = signed_note::Note::new(text.as_bytes(), &[line]).unwrap();
        SignedReceiptCheckpoint::verify(&note.to_bytes(), &sample::key()).map(|signed| signed.checkpoint().clone())
    };
    let good = head().text();
    assert_eq!(sign(&good).unwrap(), head());
    assert_eq!(sign(&good.replace("briefcase/install-1/", "example.com/")).unwrap_err(), CheckpointError::Origin);
    assert_eq!(sign(&good.replace("/install-1/", "/install.1/")).unwrap_err(), CheckpointError::Origin);
    assert_eq!(sign(&format!("{good}extension\n")).unwrap_err(), CheckpointError::Malformed);
    assert_eq!(sign(&good.replace("\n1042\n", "\n01042\n")).unwrap_err(), CheckpointError::Malformed);
}

#[test]
fn keys_read_in_both_forms_and_weak_ones_not_at_all() {
    let key = sample::key();
    assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
    assert_eq!(key.verifier_key(head().origin.as_str()).parse::<PublicKey>().unwrap(), key);
    let mut wrong_name = key.verifier_key(head().origin.as_str());
    wrong_name.insert(0, 'x');
    for bad in ["", "abc", &wrong_name, "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"] {
        assert_eq!(bad.parse::<PublicKey>().unwrap_err(), CheckpointError::Key, "{bad}");
    }
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(PublicKey::from_bytes(&identity).unwrap_err(), CheckpointError::Key);
}

#[test]
fn cosignatures_of_real_witnesses_are_valid() {
    let (note, keys) = (vector("cosigned-checkpoint.txt"), vector("cosigned-checkpoint.keys.txt"));
    for witness in keys.lines().skip(1) {
        let witness: Witness = witness.parse().unwrap();
        assert_eq!(witness.verify(note.as_bytes()).unwrap(), 1_779_573_024, "{witness:?}");
        let other_size = note.replace("\n1432088532\n", "\n1432088533\n");
        assert_eq!(witness.verify(other_size.as_bytes()).unwrap_err(), CheckpointError::Signature);
        let alone: String =
            note.split_inclusive('\n').filter(|line| !line.contains("witness") && !line.contains("remora")).collect();
        assert_eq!(witness.verify(alone.as_bytes()).unwrap_err(), CheckpointError::Unsigned);
    }
    // The log's own key has another type, so it is not a witness.
    assert_eq!(keys.lines().next().unwrap().parse::<Witness>().unwrap_err(), CheckpointError::Key);
}

#[test]
fn a_witness_cosigns_our_checkpoint() {
    let phone = SigningKey::from_bytes(&[7; 32]);
    let witness = Witness::new("phone", PublicKey::from_bytes(phone.verifying_key().as_bytes()).unwrap()).unwrap();
    let note = signed().note().to_owned();
    assert_eq!(witness.verify(note.as_bytes()).unwrap_err(), CheckpointError::Unsigned);
    let cosign = |time: u64, said: u64| {
        let message = format!("cosignature/v1\ntime {said}\n{}", head().text());
        let mut stamped = time.to_be_bytes().to_vec();
        stamped.extend(phone.sign(message.as_bytes()).to_bytes());
        let key: Vec<u8> = [4].into_iter().chain(*phone.verifying_key().as_bytes()).collect();
        let line = signed_note::Signature::new("phone".into(), signed_note::key_id("phone", &key), stamped).unwrap();
        format!("{note}{}", String::from_utf8(line.to_bytes()).unwrap())
    };
    assert_eq!(witness.verify(cosign(1000, 1000).as_bytes()).unwrap(), 1000);
    assert_eq!(witness.verify(cosign(2000, 1000).as_bytes()).unwrap_err(), CheckpointError::Signature);
    assert_eq!(witness.verify(cosign(1 << 63, 1 << 63).as_bytes()).unwrap_err(), CheckpointError::Signature);
    // The log's signature stays valid on a note with more signatures.
    assert!(SignedReceiptCheckpoint::verify(cosign(1000, 1000).as_bytes(), &sample::key()).is_ok());
}

proptest! {
    #[test]
    fn a_changed_note_is_never_accepted_as_another_checkpoint(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut note = signed().note().as_bytes().to_vec();
        let at = at.index(note.len());
        note[at] = byte;
        if let Ok(read) = SignedReceiptCheckpoint::verify(&note, &sample::key()) {
            prop_assert_eq!(read.checkpoint(), &head());
        }
    }
}
