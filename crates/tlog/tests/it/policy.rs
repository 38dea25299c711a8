//! A checkpoint is accepted only with the quorum of its policy, and a malformed policy is an error.

use briefcase_tlog::{CheckpointError, LogPolicy, LogPolicyError, LogVerifierKey};

use crate::{cosigned, entries, log, log_key, public, vector, witness};

const LATER: u64 = 5_000;

fn two_of_three() -> LogPolicy {
    LogPolicy::new(log_key(), vec![witness(2), witness(3), witness(4)], 2).unwrap()
}

#[test]
fn a_quorum_of_two_of_three_needs_two() {
    let head = log(&entries(5)).1;
    let cosigned_by = |seeds: &[(u8, u64)]| two_of_three().check(cosigned(&head, seeds).note().as_bytes(), LATER);
    assert!(matches!(cosigned_by(&[]), Err(LogPolicyError::Quorum { cosigned }) if cosigned.is_empty()));
    assert!(
        matches!(cosigned_by(&[(3, 7)]), Err(LogPolicyError::Quorum { cosigned }) if cosigned == ["witness.example/3"])
    );
    let witnessed = cosigned_by(&[(4, 7), (2, 8)]).unwrap();
    assert_eq!(witnessed.cosigned(), [("witness.example/2".to_owned(), 8), ("witness.example/4".to_owned(), 7)]);
    assert_eq!(witnessed.head().checkpoint(), head.checkpoint());
    // An unknown witness's cosignature is kept but does not count. A cosignature from the future does not count either.
    assert!(matches!(cosigned_by(&[(2, 7), (9, 7)]), Err(LogPolicyError::Quorum { .. })));
    assert!(matches!(cosigned_by(&[(2, 7), (3, LATER + 1)]), Err(LogPolicyError::Quorum { .. })));
}

#[test]
fn an_invalid_cosignature_is_rejected_even_beside_enough_others() {
    let note = cosigned(&log(&entries(5)).1, &[(2, 7), (3, 7), (4, 7)]).note().to_owned();
    let line = note.lines().last().unwrap();
    let (head, tail) = line.split_at(line.len() - 20);
    let mut tail = tail.chars();
    let other = if tail.next() == Some('A') { 'B' } else { 'A' };
    let torn = note.replace(line, &format!("{head}{other}{}", tail.as_str()));
    assert_ne!(torn, note);
    assert_eq!(
        two_of_three().check(torn.as_bytes(), LATER).unwrap_err(),
        LogPolicyError::Cosignature { witness: "witness.example/4".into() }
    );
}

#[test]
fn another_log_or_key_is_rejected() {
    let note = cosigned(&log(&entries(5)).1, &[(2, 7), (3, 7)]).note().to_owned();
    let policy = |key: LogVerifierKey| LogPolicy::new(key, vec![witness(2)], 1).unwrap().check(note.as_bytes(), LATER);
    assert!(policy(log_key()).is_ok());
    let other_name = LogVerifierKey { origin: "example.com/other".parse().unwrap(), key: public(1) };
    assert_eq!(policy(other_name).unwrap_err(), LogPolicyError::Log(CheckpointError::Origin));
    let other_key = LogVerifierKey { origin: log_key().origin, key: public(5) };
    assert_eq!(policy(other_key).unwrap_err(), LogPolicyError::Log(CheckpointError::Unsigned));
}

fn text(rest: &str) -> String {
    let witnesses: String = (2..=5).map(|seed| format!("witness W{seed} {}\n", witness(seed))).collect();
    format!("# the project's log\nlog {} https://log.example/\n{witnesses}\n{rest}", log_key())
}

#[test]
fn nested_groups_need_their_thresholds() {
    let policy: LogPolicy =
        text("group A 2 W2 W3\n group\tB any W4 W5\ngroup both all A B\nquorum both\n").parse().unwrap();
    let head = log(&entries(3)).1;
    for (seeds, good) in [
        (&[2, 3, 4][..], true),
        (&[2, 3, 5], true),
        (&[2, 3], false),
        (&[2, 4, 5], false),
        (&[4, 5], false),
        (&[2, 3, 4, 5], true),
    ] {
        let seeds: Vec<(u8, u64)> = seeds.iter().map(|seed| (*seed, 1)).collect();
        assert_eq!(policy.check(cosigned(&head, &seeds).note().as_bytes(), 1).is_ok(), good, "{seeds:?}");
    }
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://log.example/"));
    assert!(!policy.allows_no_witness());
    assert!(text("quorum none\n").parse::<LogPolicy>().unwrap().allows_no_witness());
}

#[test]
fn a_malformed_policy_is_an_error() {
    for (rest, line) in [
        ("", 0),
        ("quorum W9\n", 8),
        ("quorum W2 W3\n", 8),
        ("quorum W2\nquorum W2\n", 9),
        ("group G 3 W2 W3\nquorum G\n", 8),
        ("group G 0 W2 W3\nquorum G\n", 8),
        ("group G any\nquorum G\n", 8),
        ("group G any W2 W2\nquorum G\n", 8),
        ("group G any W2\ngroup H any W2\nquorum H\n", 9),
        ("group G any G\nquorum G\n", 8),
        ("group none any W2\nquorum none\n", 8),
        ("group W3 any W2\nquorum W3\n", 8),
        ("group G any none\nquorum G\n", 8),
        ("Quorum W2\n", 8),
        ("quorum W2\u{1}\n", 8),
    ] {
        match text(rest).parse::<LogPolicy>() {
            Err(LogPolicyError::Text { line: at, .. }) => assert_eq!(at, line, "{rest}"),
            other => panic!("{rest}: {other:?}"),
        }
    }
    let twice = text(&format!("witness Again {}\nquorum Again\n", witness(2)));
    assert!(matches!(twice.parse::<LogPolicy>(), Err(LogPolicyError::Text { line: 8, .. })));
    let log_as_witness = text(&format!("witness L {}\nquorum L\n", log_key()));
    assert!(log_as_witness.parse::<LogPolicy>().is_err());
    assert!(LogPolicy::new(log_key(), vec![witness(2)], 2).is_err());
    assert!(LogPolicy::new(log_key(), vec![witness(2), witness(2)], 1).is_err());
}

#[test]
fn real_witnesses_satisfy_a_policy() {
    let (note, keys) = (vector("cosigned-checkpoint.txt"), vector("cosigned-checkpoint.keys.txt"));
    let (log, witness) = (keys.lines().next().unwrap(), keys.lines().nth(1).unwrap());
    let policy: LogPolicy = format!("log {log}\nwitness w {witness}\nquorum w\n").parse().unwrap();
    assert_eq!(policy.check(note.as_bytes(), u64::MAX).unwrap().cosigned().len(), 1);
    assert!(policy.check(note.as_bytes(), 1_000).is_err());
}
