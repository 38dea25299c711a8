//! The vectors of `vectors/ratchet/`: the results of a run with repeatable randomness, byte for byte. The browser's
//! tests read the same file, so a change of any format fails on both sides. `WRITE_VECTORS=1 cargo test -p
//! briefcase-ratchet --test it vectors` writes them.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_ratchet::{
    AgreementMode, AgreementSecret, HandshakeOptions, KemSecret, LastResort, LocalIdentity, PrekeyBundle, Prekeys,
    RatchetSession, SoftKeys, accept, now, safety_number,
};
use serde_json::{Value, json};

use crate::party::{ANY, Seeded, begin, send};

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/ratchet/sessions.json"))
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// The secrets in the file.
fn keys(seed: u64) -> ([u8; 32], [u8; 32], LocalIdentity<SoftKeys>) {
    use briefcase_types::Entropy as _;
    let entropy = Seeded::new(seed);
    let (mut signing, mut agreement) = ([0; 32], [0; 32]);
    entropy.fill(&mut signing);
    entropy.fill(&mut agreement);
    let keys = SoftKeys::from_secrets(&signing, AgreementSecret::from_bytes(&agreement));
    (signing, agreement, LocalIdentity::from_keys(keys).unwrap())
}

fn secrets(signing: [u8; 32], agreement: [u8; 32], identity: &LocalIdentity<SoftKeys>) -> Value {
    json!({ "signing": text(&signing), "agreement": text(&agreement), "card": text(&identity.card().to_bytes()) })
}

/// A conversation: accepted, answered, out of order, over two ratchet steps.
fn conversation(options: HandshakeOptions, seed: u64) -> Value {
    let (alice_signing, alice_agreement, alice) = keys(seed);
    let (bob_signing, bob_agreement, bob) = keys(seed + 1);
    let entropy = Seeded::new(seed + 2);
    let made = now(Prekeys::make(&bob, 1, LastResort::Made, &entropy)).unwrap().unwrap();
    let (prekeys, published) = made.into_parts();
    let bundle = &published.bundles[0];
    let mut ours = begin(&alice, bundle, options, seed + 3);
    let first = send(&mut ours, "first ✓".as_bytes(), &entropy);
    let step = now(accept(&bob, &prekeys, &first, b"", ANY, &entropy)).unwrap().unwrap();
    let mut theirs = step.into_parts().0.session;
    let mut steps = Vec::new();
    let deliver = |to: &mut RatchetSession, message: &[u8], associated: &[u8], steps: &mut Vec<Value>| {
        let before = to.to_bytes();
        let (next, plain) = to.decrypt(message, associated, &entropy).unwrap().into_parts();
        *to = next;
        steps.push(json!({
            "session": text(&before), "message": text(message), "associated": text(associated), "plaintext": text(&plain),
        }));
    };
    let again = send(&mut ours, b"repeats the agreement", &entropy);
    deliver(&mut theirs, &again, b"", &mut steps);
    let answer = send(&mut theirs, b"answer", &entropy);
    deliver(&mut ours, &answer, b"", &mut steps);
    let late = send(&mut ours, b"", &entropy);
    let (next, bound) = ours.encrypt(b"bound", b"associated", &entropy).unwrap().into_parts();
    ours = next;
    deliver(&mut theirs, &bound, b"associated", &mut steps);
    deliver(&mut theirs, &late, b"", &mut steps);
    let turned = send(&mut theirs, &[0xA5; 300], &entropy);
    deliver(&mut ours, &turned, b"", &mut steps);
    json!({
        "mode": options.mode.name(), "hideHeaders": options.hide_headers,
        "initiator": secrets(alice_signing, alice_agreement, &alice),
        "responder": secrets(bob_signing, bob_agreement, &bob),
        "safetyNumber": safety_number(alice.card(), bob.card()),
        "prekeys": text(&prekeys.to_bytes()), "bundle": text(&bundle.to_bytes()),
        "first": text(&first), "firstPlaintext": text("first ✓".as_bytes()), "steps": steps,
    })
}

fn kem() -> Value {
    let entropy = Seeded::new(700);
    let secret = KemSecret::generate(&entropy);
    let (ciphertext, shared) = secret.public().encapsulate(&entropy);
    json!({
        "seed": secret.expose(|seed| text(seed)), "publicKey": text(&secret.public().to_bytes()),
        "ciphertext": text(&ciphertext), "shared": shared.expose(|secret| text(secret)),
    })
}

fn made() -> String {
    let kinds = [
        (AgreementMode::Pqxdh, false),
        (AgreementMode::Pqxdh, true),
        (AgreementMode::X3dh, false),
        (AgreementMode::X3dh, true),
    ];
    let conversations: Vec<Value> = (0_u64..)
        .zip(kinds)
        .map(|(at, (mode, hide_headers))| conversation(HandshakeOptions { mode, hide_headers }, 1000 + 10 * at))
        .collect();
    let all = json!({ "kem": kem(), "conversations": conversations });
    serde_json::to_string_pretty(&all).unwrap() + "\n"
}

fn write() {
    std::fs::create_dir_all(file().parent().unwrap()).unwrap();
    std::fs::write(file(), made()).unwrap();
}

#[test]
fn a_repeatable_run_gives_the_committed_vectors() {
    if std::env::var_os("WRITE_VECTORS").is_some() {
        write();
    }
    // Compare as values: the order of members depends on serde_json's features.
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert!(
        read(&made()) == read(&std::fs::read_to_string(file()).unwrap()),
        "a format has changed: earlier states and messages become unreadable"
    );
}

#[test]
fn the_committed_vectors_are_read() {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap();
    let conversations = all["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), 4);
    let entropy = Seeded::new(1);
    for one in conversations {
        let responder = &one["responder"];
        let agreement = AgreementSecret::from_bytes(&array(&responder["agreement"]));
        let bob = LocalIdentity::from_keys(SoftKeys::from_secrets(&array(&responder["signing"]), agreement)).unwrap();
        assert_eq!(bob.card().to_bytes(), bytes(&responder["card"]));
        assert_eq!(PrekeyBundle::verify(&bytes(&one["bundle"])).unwrap().card(), bob.card());
        let prekeys = Prekeys::from_bytes(&bytes(&one["prekeys"])).unwrap();
        let step = now(accept(&bob, &prekeys, &bytes(&one["first"]), b"", ANY, &entropy)).unwrap().unwrap();
        assert_eq!(*step.into_parts().1, bytes(&one["firstPlaintext"]));
        for step in one["steps"].as_array().unwrap() {
            let session = RatchetSession::from_bytes(&bytes(&step["session"])).unwrap();
            let read = session.decrypt(&bytes(&step["message"]), &bytes(&step["associated"]), &entropy).unwrap();
            assert_eq!(*read.into_parts().1, bytes(&step["plaintext"]));
        }
    }
}
