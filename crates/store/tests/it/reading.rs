use briefcase_ports::{Entry, Journal as _, Record, Urgency};
use briefcase_receipts::{Receipt, proof::ReceiptProof, verify::verify_folder};
use briefcase_store::{Reader, ReceiptFilter, StoreError, StoredReceipt};
use briefcase_types::{Digest, ReceiptIndex, UnixMillis};

use crate::{append_lazily, call, change, entry, folder, keys, open, wait};

fn indexes(found: &[StoredReceipt]) -> Vec<u64> {
    found.iter().map(|stored| stored.index.0).collect()
}

#[test]
fn receipts_are_found_newest_first_page_by_page() {
    let state = folder();
    let store = open(state.path());
    (0..40).for_each(|number| call(&store, number));
    let reader = store.reader();
    assert_eq!(indexes(&reader.tail(3).unwrap()), [77, 78, 79]);
    assert_eq!(indexes(&reader.range(78..900).unwrap()), [78, 79]);
    for absent in [80, 81, 4_000, u64::MAX] {
        assert!(matches!(reader.receipt(ReceiptIndex(absent)), Err(StoreError::Absent(_))), "{absent}");
        assert!(reader.range(absent..u64::MAX).unwrap().is_empty(), "{absent}");
    }
    let mut seen = Vec::new();
    let (mut before, filter) = (None, ReceiptFilter { kind: Some("intent".into()), ..ReceiptFilter::default() });
    loop {
        let page = reader.search(&filter, before, 7).unwrap();
        seen.extend(indexes(&page.found));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..40).rev().map(|number| number * 2).collect::<Vec<_>>());
}

#[test]
fn filters_narrow_and_outcomes_follow_their_intents() {
    let state = folder();
    let store = open(state.path());
    (0..40).for_each(|number| call(&store, number));
    let find = |filter: &ReceiptFilter| indexes(&store.reader().search(filter, None, 1000).unwrap().found);
    let all: Vec<u64> = (0..80).rev().collect();
    assert_eq!(find(&ReceiptFilter { agent: Some("claude-code".parse().unwrap()), ..ReceiptFilter::default() }), all);
    assert_eq!(find(&ReceiptFilter { tool: Some("get_sum".into()), ..ReceiptFilter::default() }), all);
    assert_eq!(find(&ReceiptFilter { server: Some("other".parse().unwrap()), ..ReceiptFilter::default() }), [0_u64; 0]);
    assert_eq!(find(&ReceiptFilter { call: Some(keys::call(3)), ..ReceiptFilter::default() }), [7, 6]);
    assert_eq!(find(&ReceiptFilter { code: Some("ok".into()), ..ReceiptFilter::default() }).len(), 40);
    assert_eq!(find(&ReceiptFilter { text: Some(keys::call(5).to_string()), ..ReceiptFilter::default() }), [11, 10]);
    let time = |number| Some(keys::intent(number).at);
    assert_eq!(find(&ReceiptFilter { from: time(10), to: time(11), ..ReceiptFilter::default() }), [23, 22, 21, 20]);
    assert_eq!(find(&ReceiptFilter { to: Some(UnixMillis(1)), ..ReceiptFilter::default() }), [0_u64; 0]);
}

#[test]
fn proofs_verify_at_every_size_and_index() {
    let state = folder();
    let store = open(state.path());
    let reader = store.reader();
    let key = keys::LogKey::new(7).public();
    append_lazily(&store, (0..700).map(|number| entry(keys::intent(number))));
    for index in [0, 1, 255, 256, 511, 512, 699] {
        let text = reader.proof_text(ReceiptIndex(index)).unwrap();
        let body = reader.receipt(ReceiptIndex(index)).unwrap().body;
        let proof = ReceiptProof::parse(text.as_bytes()).unwrap();
        assert_eq!(proof.verify(&body, &key).unwrap().0, keys::intent(index));
        assert!(proof.verify(&keys::intent(index + 1).encode().unwrap(), &key).is_err());
    }
    let old = reader.head().unwrap().checkpoint().clone();
    call(&store, 1);
    wait(store.append(entry(keys::intent(2)), Urgency::Now)).unwrap();
    let new = reader.prove(ReceiptIndex(702)).unwrap().head.checkpoint().clone();
    reader.consistency(old.size, new.size).unwrap().verify(&old.root, &new.root).unwrap();
}

#[test]
fn an_export_verifies_offline() {
    let state = folder();
    let store = open(state.path());
    append_lazily(&store, (0..600).map(|number| entry(keys::intent(number))));
    let target = folder();
    let destination = target.path().join("export");
    let head = store.reader().export(&destination).unwrap();
    let report = verify_folder(&destination, &keys::LogKey::new(7).public(), None);
    assert_eq!(&report.unwrap().checkpoint, head.checkpoint());
    assert!(matches!(store.reader().export(&destination), Err(StoreError::Export(_))), "no export is overwritten");
}

#[test]
fn openings_open_only_with_the_vault() {
    let state = folder();
    let store = open(state.path());
    let canary = "sk-live-canary";
    let opening = Some(format!("{{\"token\":\"{canary}\"}}").into());
    wait(store.append(Entry { receipt: keys::intent(1), opening }, Urgency::Now)).unwrap();
    wait(store.append(entry(keys::outcome(1)), Urgency::Now)).unwrap();
    let opening = store.reader().opening(ReceiptIndex(0)).unwrap();
    assert!(opening.expose(|bytes| bytes.ends_with(b"canary\"}")));
    assert!(matches!(store.reader().opening(ReceiptIndex(1)), Err(StoreError::Absent(_))));
    drop(store);
    for file in state.path().read_dir().unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, canary.as_bytes()).is_none());
    }
    let reader = Reader::open(state.path(), keys::LogKey::new(7).public(), None).unwrap();
    assert_eq!(reader.receipt(ReceiptIndex(0)).unwrap().receipt, keys::intent(1));
    assert!(matches!(reader.opening(ReceiptIndex(0)), Err(StoreError::Seal(_))));
}

#[test]
fn definitions_and_secrets_belong_to_the_authority() {
    let state = folder();
    let store = open(state.path());
    let pin = Digest::sha256(b"one");
    let name: briefcase_types::SecretName = "github".parse().unwrap();
    let secret = |sealed: Option<&'static str>| Record::Secret { name: name.clone(), sealed: sealed.map(Into::into) };
    change(&store, 0, "{\"v\":1}", vec![Record::Definition { pin, raw: "one".into() }, secret(Some("sealed"))]);
    let reader = store.reader();
    assert_eq!(reader.definition(&pin).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(reader.secret(&name).unwrap().as_deref(), Some(&b"sealed"[..]));
    assert_eq!(reader.secret_names().unwrap(), std::slice::from_ref(&name));
    change(&store, 1, "{\"v\":2}", vec![secret(None)]);
    assert_eq!(reader.secret(&name).unwrap(), None);
    assert_eq!(reader.authority(Digest::sha256).unwrap().unwrap().version, 2);
    assert!(matches!(reader.authority(|_| Digest::sha256(b"x")), Err(StoreError::StateTampered { .. })));
}

#[test]
fn an_async_caller_reads_without_blocking_its_runtime() {
    let state = folder();
    let store = open(state.path());
    call(&store, 1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tail: Vec<Receipt> = runtime
        .block_on(store.reader().spawn(|reader| Ok(reader.tail(2)?.into_iter().map(|one| one.receipt).collect())))
        .unwrap();
    assert_eq!(tail, [keys::intent(1), keys::outcome(1)]);
}
