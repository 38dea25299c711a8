//! Messages from the peer or an attacker, for a session and for prekeys. A rejected message leaves no trace.
#![no_main]

use std::sync::LazyLock;

use briefcase_ratchet::{
    HandshakeOptions, LastResort, LocalIdentity, Prekeys, RatchetSession, ResponderPolicy, SoftKeys, accept, initiate,
    now,
};
use briefcase_types::Entropy;
use libfuzzer_sys::fuzz_target;

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(at % 251).unwrap();
        }
    }
}

struct Parties {
    bob: LocalIdentity<SoftKeys>,
    prekeys: Prekeys,
    session: RatchetSession,
}

// The fuzzer calls from one thread, and the parties contain no cell that another could see half-written.
static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let (alice, bob) = (LocalIdentity::generate(&Fixed).unwrap(), LocalIdentity::generate(&Fixed).unwrap());
    let made = now(Prekeys::make(&bob, 1, LastResort::Made, &Fixed)).unwrap().unwrap();
    let (prekeys, published) = made.into_parts();
    let bundle = &published.bundles[0];
    let options = HandshakeOptions { hide_headers: true, ..HandshakeOptions::default() };
    let session = now(initiate(&alice, bundle, options, &Fixed)).unwrap().unwrap();
    Parties { bob, prekeys, session }
});

fuzz_target!(|message: &[u8]| {
    let Parties { bob, prekeys, session } = &*PARTIES;
    let policy = ResponderPolicy { allow_x3dh: true };
    let first = now(accept(bob, prekeys, message, b"", policy, &Fixed)).unwrap();
    if let Ok(step) = first {
        // Only a holder of the key can have made it, and the fuzzer has none of them.
        let (accepted, _) = step.into_parts();
        assert!(now(accept(bob, &accepted.prekeys, message, b"", policy, &Fixed)).unwrap().is_err(), "accepted once");
    }
    assert!(session.decrypt(message, b"", &Fixed).is_err(), "nobody has answered this session");
});
