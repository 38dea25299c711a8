use briefcase_ports::{Journal as _, JournalError, Urgency};
use briefcase_receipts::{Kind, Reconcile, ReconciledEffect};
use briefcase_store::{ExpectedState, Store};
use briefcase_types::{ReceiptIndex, UnixMillis};
use proptest::prelude::*;

use crate::{call, change, entry, folder, keys, open, wait};

#[test]
fn acknowledged_entries_survive_a_restart() {
    let state = folder();
    let store = open(state.path());
    for number in 0..300 {
        call(&store, number);
    }
    drop(store);
    let (store, opened) = Store::open(state.path(), keys::options(ExpectedState::Existing, 1)).unwrap();
    assert_eq!((opened.size, opened.recovered), (600, 0));
    assert_eq!(opened.newest, Some(keys::outcome(299).at));
    assert_eq!(opened.head.checkpoint().size, 600);
    let last = store.reader().receipt(ReceiptIndex(599)).unwrap();
    assert_eq!(last.receipt, keys::outcome(299));
}

#[test]
fn a_lazy_entry_becomes_durable_alone_or_with_an_urgent_one() {
    let state = folder();
    let store = open(state.path());
    assert_eq!(wait(store.append(entry(keys::intent(1)), Urgency::Lazy)).unwrap(), ReceiptIndex(0));
    let lazy = store.append(entry(keys::intent(2)), Urgency::Lazy);
    let urgent = store.append(entry(keys::outcome(2)), Urgency::Now);
    assert_eq!(wait(urgent).unwrap(), ReceiptIndex(2));
    let mut lazy = lazy;
    assert_eq!(lazy.try_recv().unwrap().unwrap(), ReceiptIndex(1), "the same commit");
}

#[test]
fn times_in_the_record_never_go_back() {
    let state = folder();
    let store = open(state.path());
    wait(store.append(entry(keys::intent(50)), Urgency::Now)).unwrap();
    wait(store.append(entry(keys::outcome(10)), Urgency::Now)).unwrap();
    assert_eq!(store.reader().receipt(ReceiptIndex(1)).unwrap().receipt.at, keys::intent(50).at);
    drop(store);
    // A clock that was set back while the daemon was down.
    let (store, opened) = Store::open(state.path(), keys::options(ExpectedState::Existing, 1)).unwrap();
    assert_eq!(opened.newest, Some(keys::intent(50).at));
    let mut old = keys::intent(3);
    old.at = UnixMillis(5);
    wait(store.append(entry(old), Urgency::Now)).unwrap();
    assert_eq!(store.reader().receipt(ReceiptIndex(2)).unwrap().receipt.at, keys::intent(50).at);
}

#[test]
fn intents_without_an_outcome_are_found_on_start_until_they_are_reconciled() {
    let state = folder();
    let store = open(state.path());
    wait(store.append(entry(keys::intent(1)), Urgency::Now)).unwrap();
    (10..400).for_each(|number| call(&store, number));
    wait(store.append(entry(keys::intent(2)), Urgency::Now)).unwrap();
    drop(store);
    let (store, opened) = Store::open(state.path(), keys::options(ExpectedState::Existing, 1)).unwrap();
    let orphans: Vec<_> = opened.orphans.iter().map(|orphan| (orphan.index.0, orphan.intent.call)).collect();
    assert_eq!(orphans, [(0, keys::call(1)), (781, keys::call(2))]);
    for (index, call) in orphans {
        let orphan = Reconcile { call, intent: ReceiptIndex(index), verdict: ReconciledEffect::Unknown };
        let receipt = briefcase_receipts::Receipt { at: UnixMillis(0), kind: Kind::Reconcile(orphan) };
        wait(store.append(entry(receipt), Urgency::Now)).unwrap();
    }
    drop(store);
    let (_, opened) = Store::open(state.path(), keys::options(ExpectedState::Existing, 1)).unwrap();
    assert_eq!(opened.orphans, []);
}

#[test]
fn a_change_of_another_version_is_rejected_and_leaves_no_hole() {
    let state = folder();
    let store = open(state.path());
    change(&store, 0, "{\"v\":1}", Vec::new());
    let late = store.change(keys::change(0, b"{}"), "{}".into(), Vec::new());
    assert!(matches!(wait(late), Err(JournalError::Failed(_))));
    let without_document = store.append(entry(keys::change(1, b"{}")), Urgency::Now);
    assert!(matches!(wait(without_document), Err(JournalError::Failed(_))));
    call(&store, 1);
    assert_eq!(store.reader().size().unwrap(), 3);
    let authority = store.reader().authority(briefcase_types::Digest::sha256).unwrap().unwrap();
    assert_eq!((authority.version, authority.document.as_slice()), (1, &b"{\"v\":1}"[..]));
}

#[test]
fn a_decision_and_its_change_are_recorded_together_or_not_at_all() {
    let state = folder();
    let store = open(state.path());
    change(&store, 0, "{\"v\":1}", Vec::new());
    let decided = |old: u64, document: &'static str| {
        let receipt = keys::change(old, document.as_bytes());
        store.change_decided(keys::outcome(1), receipt, document.into(), Vec::new())
    };
    let late = decided(0, "{}");
    assert!(matches!(wait(late), Err(JournalError::Failed(_))));
    assert_eq!(store.reader().size().unwrap(), 1, "the decision of a rejected change is not recorded");
    assert_eq!(wait(decided(1, "{\"v\":2}")).unwrap(), ReceiptIndex(2));
    let decision = store.reader().receipt(ReceiptIndex(1)).unwrap();
    assert_eq!(decision.receipt.kind, keys::outcome(1).kind);
    let authority = store.reader().authority(briefcase_types::Digest::sha256).unwrap().unwrap();
    assert_eq!((authority.version, authority.receipt), (2, ReceiptIndex(2)));
}

#[test]
fn a_ledger_snapshot_is_stored_with_the_next_entry() {
    let state = folder();
    let store = open(state.path());
    call(&store, 1);
    assert!(store.reader().ledger().unwrap().is_none());
    store.snapshot("old".into(), ReceiptIndex(1));
    store.snapshot("spent 2".into(), ReceiptIndex(2));
    call(&store, 2);
    let (ledger, upto) = store.reader().ledger().unwrap().unwrap();
    assert_eq!(upto, ReceiptIndex(2));
    assert!(ledger.expose(|ledger| ledger == b"spent 2"));
    let mut since = Vec::new();
    let see = |index: ReceiptIndex, _| {
        since.push(index.0);
        Ok(())
    };
    store.reader().replay(upto, see).unwrap();
    assert_eq!(since, [2, 3]);
}

#[test]
fn a_closed_store_fails_and_keeps_acknowledged_entries() {
    let state = folder();
    let store = open(state.path());
    let waiting: Vec<_> = (0..50).map(|n| store.append(entry(keys::intent(n)), Urgency::Lazy)).collect();
    store.close().unwrap();
    for (index, durable) in (0..).zip(waiting) {
        assert_eq!(wait(durable).unwrap(), ReceiptIndex(index));
    }
    assert!(matches!(wait(store.append(entry(keys::intent(99)), Urgency::Now)), Err(JournalError::Closed)));
    store.close().unwrap();
    assert!(store.reopen().is_err());
}

#[test]
fn reopening_continues_the_record() {
    let state = folder();
    let store = open(state.path());
    call(&store, 1);
    let opened = store.reopen().unwrap();
    assert_eq!(opened.size, 2);
    call(&store, 2);
    assert_eq!(store.reader().size().unwrap(), 4);
}

#[test]
fn entries_of_many_threads_keep_the_order_of_each_thread() {
    let state = folder();
    let store = open(state.path());
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let store = &store;
            scope.spawn(move || {
                let mut last = None;
                for number in 0..500 {
                    let urgency = if number % 7 == 0 { Urgency::Now } else { Urgency::Lazy };
                    let durable = store.append(entry(keys::intent(thread * 1000 + number)), urgency);
                    if number % 7 == 0 {
                        let index = wait(durable).unwrap();
                        assert!(Some(index) > last);
                        last = Some(index);
                    }
                }
            });
        }
    });
    store.close().unwrap();
    assert_eq!(store.reader().size().unwrap(), 2000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn entries_become_durable_in_order(urgent in prop::collection::vec(any::<bool>(), 1..80)) {
        let state = folder();
        let store = open(state.path());
        let urgency = |urgent: &bool| if *urgent { Urgency::Now } else { Urgency::Lazy };
        let durables: Vec<_> =
            (0..).zip(&urgent).map(|(n, now)| store.append(entry(keys::intent(n)), urgency(now))).collect();
        for (number, mut durable) in durables.into_iter().enumerate().rev() {
            let number = u64::try_from(number).unwrap();
            // Newest first: when an entry is durable, all entries before it have a reply too.
            let index = match durable.try_recv() {
                Ok(answer) => answer.unwrap(),
                Err(_) => wait(durable).unwrap(),
            };
            prop_assert_eq!(index, ReceiptIndex(number));
            let stored = store.reader().receipt(index).unwrap();
            prop_assert_eq!(stored.receipt, keys::intent(number));
        }
    }
}
