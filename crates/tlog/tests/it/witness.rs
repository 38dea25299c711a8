//! A witness signs a checkpoint only if it extends the one signed before. Refusals use the standard's status codes.

use briefcase_tlog::{AddCheckpoint, CosignRefusal, LastCosigned, LogVerifierKey, merkle::ConsistencyProof};
use briefcase_types::Digest;
use proptest::prelude::*;

use crate::{entries, head, log, log_key, public};

fn request(old: u64, new: u64) -> AddCheckpoint {
    let (stored, head) = log(&entries(new as usize));
    let proof = if old == 0 { Vec::new() } else { ConsistencyProof::prove(old, new, &stored[..]).unwrap().path };
    AddCheckpoint { old, proof, note: head.note().to_owned() }
}

fn seen(size: u64) -> LastCosigned {
    LastCosigned { size, root: log(&entries(size as usize)).1.checkpoint().root }
}

#[test]
fn growth_from_empty_is_cosigned() {
    assert_eq!(request(0, 5).accept(&log_key(), None).unwrap().checkpoint().size, 5);
    assert_eq!(request(5, 9).accept(&log_key(), Some(&seen(5))).unwrap().checkpoint().size, 9);
    assert_eq!(request(9, 9).accept(&log_key(), Some(&seen(9))).unwrap().checkpoint().size, 9);
    let text = request(5, 9).text();
    assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap(), request(5, 9));
    assert!(text.starts_with("old 5\n") && text.contains("\n\nexample.com/log\n9\n"));
}

#[test]
fn rollbacks_forks_and_false_proofs_are_refused_with_the_standard_status() {
    let accept = |request: AddCheckpoint, size: u64| {
        let refusal = request.accept(&log_key(), Some(&seen(size))).unwrap_err();
        (refusal, refusal.status())
    };
    assert_eq!(accept(request(5, 6), 9), (CosignRefusal::Conflict { size: 9 }, 409));
    assert_eq!(accept(request(0, 9), 9), (CosignRefusal::Conflict { size: 9 }, 409));
    assert_eq!(accept(AddCheckpoint { old: 9, ..request(5, 8) }, 9), (CosignRefusal::Malformed, 400));
    // Another history, of the same size and grown.
    let other = Digest::sha256(b"another history");
    let fork = |size| AddCheckpoint { old: 9, proof: request(9, 12).proof, note: head(size, other).note().to_owned() };
    assert_eq!(accept(AddCheckpoint { proof: Vec::new(), ..fork(9) }, 9), (CosignRefusal::Conflict { size: 9 }, 409));
    assert_eq!(accept(fork(12), 9), (CosignRefusal::Inconsistent, 422));
    let mut torn = request(9, 12);
    torn.proof.pop();
    assert_eq!(accept(torn, 9), (CosignRefusal::Inconsistent, 422));
    // A valid request with another key, then one for another log.
    let stranger = LogVerifierKey { origin: log_key().origin, key: public(7) };
    assert_eq!(request(0, 5).accept(&stranger, None).unwrap_err().status(), 403);
    let other_log = LogVerifierKey { origin: "example.com/other".parse().unwrap(), key: public(1) };
    assert_eq!(request(0, 5).accept(&other_log, None).unwrap_err().status(), 404);
    // An empty log has exactly one valid root.
    let empty = AddCheckpoint { old: 0, proof: Vec::new(), note: head(0, other).note().to_owned() };
    assert!(empty.accept(&log_key(), None).is_err());
}

#[test]
fn requests_have_one_encoding() {
    let good = request(5, 9).text();
    for bad in [
        good.replace("old 5", "old 05"),
        good.replace("old 5", "old +5"),
        good.replace("old 5", "old 0"),
        good.replace("old 5\n", ""),
        good.replace("\n\nexample", "\nexample"),
        good.replace('\n', "\r\n"),
        good.replace("old 5\n", &format!("old 5\n{}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(63))),
    ] {
        assert_eq!(AddCheckpoint::parse(bad.as_bytes()).unwrap_err(), CosignRefusal::Malformed, "{bad}");
    }
}

proptest! {
    #[test]
    fn cosigned_checkpoints_never_shrink_or_fork(steps in proptest::collection::vec((0_u64..20, 0_u64..20, any::<bool>()), 1..30)) {
        let mut last = seen(2);
        for (old, new, honest) in steps {
            let mut request = if old <= new { request(old, new) } else { AddCheckpoint { old, ..request(0, new) } };
            if !honest {
                request.note = head(new, Digest::sha256(b"forged")).note().to_owned();
            }
            if let Ok(signed) = request.accept(&log_key(), Some(&last)) {
                let next = LastCosigned { size: signed.checkpoint().size, root: signed.checkpoint().root };
                prop_assert!(next.size >= last.size);
                prop_assert!(next.root == seen(next.size).root);
                last = next;
            }
        }
    }
}
