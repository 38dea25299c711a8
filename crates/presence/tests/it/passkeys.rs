use briefcase_presence::{EnrolmentPermit, NotForThis, PasskeyError, PasskeyFactor, RelyingParty};
use briefcase_types::FactorKind;

use crate::{
    Counted, NOW,
    authenticator::{Authenticator, PORT},
    decision, later,
};

fn permit() -> EnrolmentPermit {
    EnrolmentPermit::first(0).unwrap()
}

fn enrol(party: &RelyingParty, authenticator: &Authenticator) -> Result<PasskeyFactor, PasskeyError> {
    let options = party.begin_registration(&[], &Counted::start(), NOW)?;
    let answer = authenticator.create(&options);
    party.finish_registration(permit(), &answer, "my key", &[], &Counted::start(), NOW)
}

/// A console, an enrolled passkey, and the authenticator that holds it.
fn enrolled() -> (RelyingParty, PasskeyFactor, Authenticator) {
    let party = RelyingParty::new(PORT).unwrap();
    let authenticator = Authenticator::new(7);
    let factor = enrol(&party, &authenticator).unwrap();
    (party, factor, authenticator)
}

#[test]
fn a_passkey_proves_presence_for_the_decision_its_challenge_was_given_for() {
    let (party, factor, mut authenticator) = enrolled();
    let options = party.begin_assertion(decision("a"), std::slice::from_ref(&factor), NOW).unwrap();
    assert_eq!(options["publicKey"]["userVerification"], "required");
    assert_eq!(options["publicKey"]["rpId"], "localhost");
    let asserted =
        party.finish_assertion(&authenticator.get(&options), std::slice::from_ref(&factor), later(119)).unwrap();
    let used = asserted.present.spend(&decision("a"), later(119)).unwrap();
    assert_eq!((used.kind, used.factor), (FactorKind::Passkey, factor.id()));
}

#[test]
fn an_answer_for_one_decision_does_not_serve_another() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    let shown = party.begin_assertion(decision("read a file"), &factors, NOW).unwrap();
    party.begin_assertion(decision("delete everything"), &factors, NOW).unwrap();
    let asserted = party.finish_assertion(&authenticator.get(&shown), &factors, NOW).unwrap();
    assert_eq!(asserted.present.spend(&decision("delete everything"), NOW).unwrap_err(), NotForThis::OtherDecision);
}

#[test]
fn a_challenge_is_answered_once_and_in_time() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let answer = authenticator.get(&options);
    assert!(party.finish_assertion(&answer, &factors, NOW).is_ok());
    assert_eq!(party.finish_assertion(&answer, &factors, NOW).err(), Some(PasskeyError::NotOpen), "replayed");

    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let answer = authenticator.get(&options);
    assert_eq!(party.finish_assertion(&answer, &factors, later(121)).err(), Some(PasskeyError::NotOpen), "late");
    assert_eq!(party.finish_assertion(&answer, &factors, NOW).err(), Some(PasskeyError::NotOpen), "late, then again");

    let restarted = RelyingParty::new(PORT).unwrap();
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let answer = authenticator.get(&options);
    assert_eq!(restarted.finish_assertion(&answer, &factors, NOW).err(), Some(PasskeyError::NotOpen), "restart");
}

#[test]
fn a_wrong_answer_uses_the_challenge_up() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    authenticator.verifies_user = false;
    assert!(party.finish_assertion(&authenticator.get(&options), &factors, NOW).is_err());
    authenticator.verifies_user = true;
    assert_eq!(party.finish_assertion(&authenticator.get(&options), &factors, NOW).err(), Some(PasskeyError::NotOpen));
}

#[test]
fn other_pages_and_other_sites_are_refused() {
    let (party, factor, _) = enrolled();
    let factors = [factor];
    let origins = [
        "http://localhost.evil".to_owned(),
        format!("http://localhost.evil:{PORT}"),
        format!("http://127.0.0.1:{PORT}"),
        format!("http://[::1]:{PORT}"),
        format!("https://localhost:{PORT}"),
        "http://localhost".to_owned(),
        format!("http://localhost:{}", PORT + 1),
        format!("http://evil.localhost:{PORT}"),
        format!("http://localhost.:{PORT}"),
    ];
    for origin in origins {
        let mut authenticator = Authenticator::new(7);
        authenticator.origin = origin.clone();
        let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
        let error = party.finish_assertion(&authenticator.get(&options), &factors, NOW).err();
        assert_eq!(error, Some(PasskeyError::OtherOrigin), "{origin}");
        assert_eq!(enrol(&party, &authenticator).err(), Some(PasskeyError::OtherOrigin), "{origin}");
    }
    let mut authenticator = Authenticator::new(7);
    authenticator.cross_origin = true;
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let error = party.finish_assertion(&authenticator.get(&options), &factors, NOW).err();
    assert_eq!(error, Some(PasskeyError::OtherOrigin), "framed by another page");
    assert_eq!(enrol(&party, &authenticator).err(), Some(PasskeyError::OtherOrigin), "framed by another page");
}

#[test]
fn passkeys_for_other_relying_parties_are_refused() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    authenticator.relying_party = "example.com".to_owned();
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let error = party.finish_assertion(&authenticator.get(&options), &factors, NOW).err();
    assert_eq!(error, Some(PasskeyError::OtherRelyingParty));
    assert_eq!(enrol(&party, &authenticator).err(), Some(PasskeyError::OtherRelyingParty));
}

#[test]
fn a_touch_without_user_verification_is_not_presence() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    authenticator.verifies_user = false;
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let error = party.finish_assertion(&authenticator.get(&options), &factors, NOW).err();
    assert_eq!(error, Some(PasskeyError::UserNotVerified));
    assert_eq!(enrol(&party, &authenticator).err(), Some(PasskeyError::UserNotVerified));
}

#[test]
fn a_counter_that_does_not_go_forward_shows_a_copy() {
    let (party, mut factor, mut authenticator) = enrolled();
    let mut answer = |counter: u32, factor: &PasskeyFactor| {
        authenticator.counter = counter;
        let options = party.begin_assertion(decision("a"), std::slice::from_ref(factor), NOW).unwrap();
        party.finish_assertion(&authenticator.get(&options), std::slice::from_ref(factor), NOW)
    };
    factor = answer(5, &factor).unwrap().factor;
    let stored = serde_json::to_string(&factor).unwrap();
    factor = serde_json::from_str(&stored).unwrap();
    for old in [5, 4, 0] {
        assert_eq!(answer(old, &factor).err(), Some(PasskeyError::Copied), "{old}");
    }
    assert!(answer(6, &factor).is_ok());
}

#[test]
fn a_copy_cannot_hide_behind_an_earlier_challenge() {
    let (party, factor, mut authenticator) = enrolled();
    let early = party.begin_assertion(decision("a"), std::slice::from_ref(&factor), NOW).unwrap();
    let options = party.begin_assertion(decision("b"), std::slice::from_ref(&factor), NOW).unwrap();
    authenticator.counter = 9;
    let answer = authenticator.get(&options);
    let moved = party.finish_assertion(&answer, std::slice::from_ref(&factor), NOW).unwrap().factor;
    authenticator.counter = 3;
    let error = party.finish_assertion(&authenticator.get(&early), std::slice::from_ref(&moved), NOW).err();
    assert_eq!(error, Some(PasskeyError::Copied));
}

#[test]
fn another_key_and_a_removed_passkey_are_refused() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let error = party.finish_assertion(&Authenticator::new(8).get(&options), &factors, NOW).err();
    assert_eq!(error, Some(PasskeyError::NotEnrolled));

    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let error = party.finish_assertion(&authenticator.get(&options), &[], NOW).err();
    assert_eq!(error, Some(PasskeyError::NotEnrolled), "removed between challenge and answer");
    assert_eq!(party.begin_assertion(decision("a"), &[], NOW).err(), Some(PasskeyError::NotEnrolled));
}

#[test]
fn a_changed_signature_or_unreadable_answer_is_refused() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    let options = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let mut answer: serde_json::Value = serde_json::from_slice(&authenticator.get(&options)).unwrap();
    let other = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    let other: serde_json::Value = serde_json::from_slice(&authenticator.get(&other)).unwrap();
    answer["response"]["signature"] = other["response"]["signature"].clone();
    let error = party.finish_assertion(answer.to_string().as_bytes(), &factors, NOW).err();
    assert_eq!(error, Some(PasskeyError::Invalid));
    for unreadable in [b"".as_slice(), b"{}", b"null", &[b' '; 70_000]] {
        assert_eq!(party.finish_assertion(unreadable, &factors, NOW).err(), Some(PasskeyError::Unreadable));
        let registered = party.finish_registration(permit(), unreadable, "x", &factors, &Counted::start(), NOW);
        assert_eq!(registered.err(), Some(PasskeyError::Unreadable));
    }
}

#[test]
fn a_passkey_is_enrolled_once_and_its_registration_answered_once() {
    let (party, factor, authenticator) = enrolled();
    let factors = [factor];
    let options = party.begin_registration(&factors, &Counted::start(), NOW).unwrap();
    assert_eq!(options["publicKey"]["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["publicKey"]["excludeCredentials"].as_array().unwrap().len(), 1);
    let answer = authenticator.create(&options);
    let again = party.finish_registration(permit(), &answer, "x", &factors, &Counted::start(), NOW);
    assert!(again.is_err(), "excluded");

    let options = party.begin_registration(&[], &Counted::start(), NOW).unwrap();
    let answer = authenticator.create(&options);
    let late = party.finish_registration(permit(), &answer, "x", &[], &Counted::start(), later(301));
    assert_eq!(late.err(), Some(PasskeyError::NotOpen));
}

#[test]
fn an_assertion_challenge_cannot_be_answered_as_a_registration() {
    let (party, factor, authenticator) = enrolled();
    let options = party.begin_assertion(decision("a"), &[factor], NOW).unwrap();
    let answer = authenticator.create(&options);
    let crossed = party.finish_registration(permit(), &answer, "x", &[], &Counted::start(), NOW);
    assert_eq!(crossed.err(), Some(PasskeyError::NotOpen));
}

#[test]
fn labels_are_made_safe_to_print() {
    let party = RelyingParty::new(PORT).unwrap();
    let options = party.begin_registration(&[], &Counted::start(), NOW).unwrap();
    let answer = Authenticator::new(7).create(&options);
    let factor = party.finish_registration(permit(), &answer, "a\u{1b}[2Jb", &[], &Counted::start(), NOW).unwrap();
    assert!(!factor.label().contains('\u{1b}'));
}

#[test]
fn a_flood_of_challenges_does_not_grow_memory_and_keeps_the_newest() {
    let (party, factor, mut authenticator) = enrolled();
    let factors = [factor];
    let first = party.begin_assertion(decision("a"), &factors, NOW).unwrap();
    for second in 0..64 {
        party.begin_assertion(decision("flood"), &factors, later(1 + second / 64)).unwrap();
    }
    let newest = party.begin_assertion(decision("a"), &factors, later(2)).unwrap();
    let error = party.finish_assertion(&authenticator.get(&first), &factors, later(2)).err();
    assert_eq!(error, Some(PasskeyError::NotOpen), "the oldest was removed");
    assert!(party.finish_assertion(&authenticator.get(&newest), &factors, later(2)).is_ok());
}
