use std::{str::FromStr, sync::Mutex, time::Duration};

use base64::Engine as _;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::authority::{Authority, BudgetScope, Limit};

fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn handle<T: serde::de::DeserializeOwned>(number: u64) -> T {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    serde_json::from_value(json!(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))).unwrap()
}

fn scope(agent: Option<&str>, server: Option<&str>, tool: Option<&str>) -> BudgetScope {
    BudgetScope { agent: agent.map(id), server: server.map(id), tool: tool.map(id) }
}

fn index(budgets: &[(BudgetScope, Window, &str)]) -> BudgetIndex {
    let mut authority = Authority::empty(handle(0));
    for (scope, window, limit) in budgets {
        let limit: Limit = limit.parse().unwrap();
        let budget = Budget { scope: scope.clone(), window: *window, limit };
        authority = authority.set_budget(budget).unwrap().document;
    }
    BudgetIndex::new(&authority)
}

fn charge(call: u64, cost: Option<&str>) -> Charge {
    charge_of(call, "dev", "mail", "send", cost)
}

fn charge_of(call: u64, agent: &str, server: &str, tool: &str, cost: Option<&str>) -> Charge {
    let cost = cost.map(|cost| cost.parse().unwrap());
    Charge {
        call: handle(call),
        agent: id(agent),
        server: id(server),
        tool: Some(id(tool)),
        calls: 1,
        cost,
        amount: None,
    }
}

const HOUR: u64 = 3_600_000;
const T: UnixMillis = UnixMillis(500_000 * HOUR);

fn total(window: Window, limit: &str) -> BudgetIndex {
    index(&[(BudgetScope::default(), window, limit)])
}

#[test]
fn a_limit_in_calls_is_exact() {
    let index = total(Window::Day, "3");
    let mut ledger = Ledger::new();
    for call in 0..3 {
        let reservation = ledger.reserve(&index, &charge(call, None), T).unwrap();
        assert_eq!(ledger.settle(reservation, Actual::AsReserved), Settled::Within);
    }
    let Err(ReserveError::Exceeded(exceeded)) = ledger.reserve(&index, &charge(3, None), T) else { panic!() };
    assert_eq!((exceeded.limit, exceeded.spent, exceeded.reserved, exceeded.asked), (3, 3, 0, 1));
    assert_eq!(exceeded.to_string(), "the budget of 3 calls per day for everything is used up");
}

#[test]
fn reserved_amounts_count_and_released_ones_do_not() {
    let index = total(Window::All, "1.00 USD");
    let mut ledger = Ledger::new();
    let one = ledger.reserve(&index, &charge(1, Some("0.60 USD")), T).unwrap();
    assert!(ledger.reserve(&index, &charge(2, Some("0.60 USD")), T).is_err());
    ledger.release(one);
    let two = ledger.reserve(&index, &charge(3, Some("0.60 USD")), T).unwrap();
    assert_eq!(ledger.settle(two, Actual::Cost("0.10 USD".parse().unwrap())), Settled::Within);
    let three = ledger.reserve(&index, &charge(4, Some("0.90 USD")), T).unwrap();
    assert_eq!(ledger.settle(three, Actual::Free), Settled::Within);
    assert_eq!(ledger.usage(&index, T)[0].spent, 100_000);
}

#[test]
fn a_dropped_reservation_stays_reserved() {
    let index = total(Window::Day, "1");
    let mut ledger = Ledger::new();
    drop(ledger.reserve(&index, &charge(1, None), T).unwrap());
    assert!(ledger.reserve(&index, &charge(2, None), T).is_err());
    assert_eq!(ledger.close_orphans(), [handle(1)]);
    assert_eq!(ledger.usage(&index, T)[0].spent, 1);
}

#[test]
fn a_reservation_covers_every_budget_or_none() {
    let index = index(&[
        (scope(Some("dev"), None, None), Window::Day, "5"),
        (scope(None, Some("mail"), Some("send")), Window::Hour, "1"),
        (BudgetScope::default(), Window::Month, "1.00 USD"),
        (BudgetScope::default(), Window::Call, "0.50 USD"),
    ]);
    let mut ledger = Ledger::new();
    let too_dear = ledger.reserve(&index, &charge(1, Some("0.51 USD")), T);
    assert!(matches!(too_dear, Err(ReserveError::Exceeded(exceeded)) if exceeded.budget.window == Window::Call));
    assert!(ledger.usage(&index, T).iter().all(|usage| usage.reserved == 0 && usage.spent == 0));
    let _one = ledger.reserve(&index, &charge(2, Some("0.50 USD")), T).unwrap();
    let before = ledger.usage(&index, T);
    assert!(ledger.reserve(&index, &charge(3, Some("0.10 USD")), T).is_err(), "one send an hour");
    assert_eq!(ledger.usage(&index, T), before);
    assert!(ledger.reserve(&index, &charge_of(4, "dev", "mail", "list", None), T).is_ok());
    assert!(ledger.reserve(&index, &charge_of(5, "ops", "files", "read", Some("0.50 USD")), T).is_ok());
    assert!(ledger.reserve(&index, &charge_of(6, "ops", "files", "read", Some("0.01 USD")), T).is_err());
}

#[test]
fn another_currency_counts_as_a_call_only() {
    let index = index(&[(BudgetScope::default(), Window::Day, "1.00 USD"), (BudgetScope::default(), Window::Day, "2")]);
    let mut ledger = Ledger::new();
    let one = ledger.reserve(&index, &charge(1, Some("99.00 EUR")), T).unwrap();
    assert_eq!(ledger.settle(one, Actual::AsReserved), Settled::Within);
    let spent: Vec<_> = ledger.usage(&index, T).iter().map(|usage| usage.spent).collect();
    assert_eq!(spent, [0, 1]);
    assert!(index.covers(&id("dev"), &id("mail"), None, id("USD")));
    assert!(!index.covers(&id("dev"), &id("mail"), None, id("EUR")));
}

#[test]
fn an_overrun_is_counted_in_full() {
    let index = total(Window::Day, "1.00 USD");
    let mut ledger = Ledger::new();
    let one = ledger.reserve(&index, &charge(1, Some("0.50 USD")), T).unwrap();
    assert_eq!(ledger.settle(one, Actual::Cost("3.00 USD".parse().unwrap())), Settled::Over);
    assert_eq!(ledger.usage(&index, T)[0].spent, 3_000_000);
    assert!(ledger.reserve(&index, &charge(2, Some("0.01 USD")), T).is_err());
    let mut other = Ledger::new();
    let one = other.reserve(&index, &charge(1, Some("0.50 USD")), T).unwrap();
    assert_eq!(other.settle(one, Actual::Cost("0.10 EUR".parse().unwrap())), Settled::Over);
    assert_eq!(other.usage(&index, T)[0].spent, 500_000, "what was reserved stays spent");
}

#[test]
fn windows_open_by_the_clock_and_attack_35_never_reopen() {
    let index = total(Window::Hour, "1");
    let mut ledger = Ledger::new();
    let one = ledger.reserve(&index, &charge(1, None), T).unwrap();
    assert_eq!(ledger.settle(one, Actual::AsReserved), Settled::Within);
    assert!(ledger.reserve(&index, &charge(2, None), UnixMillis(T.0 + HOUR - 1)).is_err());
    let two = ledger.reserve(&index, &charge(3, None), UnixMillis(T.0 + HOUR)).unwrap();
    assert_eq!(ledger.settle(two, Actual::AsReserved), Settled::Within);
    for back in [T.0, T.0 - 1, T.0 - 24 * HOUR, 0] {
        assert!(ledger.reserve(&index, &charge(4, None), UnixMillis(back)).is_err(), "a set-back clock gains nothing");
    }
    let mut restored = Ledger::restore(ledger.snapshot());
    assert!(restored.reserve(&index, &charge(5, None), T).is_err(), "nor after a restart");
}

#[test]
fn a_call_over_the_turn_of_a_window_counts_where_it_began() {
    let index = total(Window::Hour, "1");
    let mut ledger = Ledger::new();
    let old = ledger.reserve(&index, &charge(1, None), T).unwrap();
    let later = UnixMillis(T.0 + HOUR);
    let new = ledger.reserve(&index, &charge(2, None), later).unwrap();
    assert_eq!(ledger.settle(old, Actual::AsReserved), Settled::Within);
    assert_eq!(ledger.usage(&index, later)[0].reserved, 1);
    ledger.release(new);
    assert_eq!((ledger.usage(&index, later)[0].spent, ledger.usage(&index, later)[0].reserved), (0, 0));
}

#[test]
fn a_changed_limit_keeps_what_was_spent() {
    let mut ledger = Ledger::new();
    let one = ledger.reserve(&total(Window::Day, "5"), &charge(1, None), T).unwrap();
    assert_eq!(ledger.settle(one, Actual::AsReserved), Settled::Within);
    assert!(ledger.reserve(&total(Window::Day, "1"), &charge(2, None), T).is_err());
    assert!(ledger.reserve(&total(Window::Day, "2"), &charge(3, None), T).is_ok());
}

#[test]
fn amounts_never_wrap() {
    let index = total(Window::All, "18446744073709.551615 USD");
    let mut ledger = Ledger::new();
    let _one = ledger.reserve(&index, &charge(1, Some("18446744073709.551615 USD")), T).unwrap();
    assert!(ledger.reserve(&index, &charge(2, Some("0.000001 USD")), T).is_err());
    assert!(ledger.reserve(&index, &charge(3, Some("18446744073709.551615 USD")), T).is_err());
}

#[test]
fn a_call_reserves_once() {
    let index = total(Window::All, "9");
    let mut ledger = Ledger::new();
    let _one = ledger.reserve(&index, &charge(1, None), T).unwrap();
    assert!(matches!(ledger.reserve(&index, &charge(1, None), T), Err(ReserveError::Duplicate(_))));
    assert_eq!(ledger.usage(&index, T)[0].reserved, 1);
}

#[test]
fn attack_53_two_hundred_parallel_calls_at_the_limit_stay_within_it() {
    let index =
        index(&[(BudgetScope::default(), Window::Day, "0.50 USD"), (BudgetScope::default(), Window::Day, "70")]);
    let ledger = Mutex::new(Ledger::new());
    let allowed: usize = std::thread::scope(|threads| {
        let call = |number: u64| {
            let (ledger, index) = (&ledger, &index);
            threads.spawn(move || {
                let reserved = ledger.lock().unwrap().reserve(index, &charge(number, Some("0.01 USD")), T);
                std::thread::yield_now();
                reserved.is_ok_and(|reservation| {
                    let mut ledger = ledger.lock().unwrap();
                    ledger.settle(reservation, Actual::AsReserved) == Settled::Within
                })
            })
        };
        let calls: Vec<_> = (0..200).map(call).collect();
        calls.into_iter().filter_map(|call| call.join().unwrap().then_some(())).count()
    });
    assert_eq!(allowed, 50);
    let usage = ledger.into_inner().unwrap().usage(&index, T);
    assert_eq!((usage[0].spent, usage[0].reserved), (500_000, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { agent: usize, tool: usize, cents: u64, at: u64 },
    Settle { which: usize, cents: Option<u64> },
    Release { which: usize },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize, 0..2_usize, 0..60_u64, 0..100_u64).prop_map(|(agent, tool, cents, at)| Step::Reserve { agent, tool, cents, at }),
        2 => (0..8_usize, proptest::option::of(0..60_u64)).prop_map(|(which, cents)| Step::Settle { which, cents }),
        1 => (0..8_usize).prop_map(|which| Step::Release { which }),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    /// Under any order of reservations, settlements within the reserved amount, releases, clock jumps and restarts, no
    /// budget exceeds its limit. A replay of the events gives the same ledger.
    #[test]
    fn never_over(steps in proptest::collection::vec(step(), 1..80)) {
        let index = index(&[
            (BudgetScope::default(), Window::All, "3.00 USD"),
            (scope(Some("dev"), None, None), Window::Hour, "1.00 USD"),
            (scope(None, Some("mail"), Some("send")), Window::Day, "7"),
        ]);
        let (mut ledger, mut replayed) = (Ledger::new(), Ledger::new());
        let mut open: Vec<(Reservation, Charge)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Reserve { agent, tool, cents, at } => {
                    let cost = format!("0.{cents:02} USD");
                    let agent = ["dev", "ops"][agent];
                    let charge = charge_of(u64::try_from(number).unwrap(), agent, "mail", ["send", "list"][tool], Some(&cost));
                    let at = UnixMillis(T.0 + at * HOUR / 10);
                    if let Ok(reservation) = ledger.reserve(&index, &charge, at) {
                        // The receipt has the time of the ledger, which never goes back.
                        replayed.replay(&index, &Event::Reserved { charge: charge.clone(), at: ledger.now });
                        open.push((reservation, charge));
                    }
                }
                Step::Settle { which, cents } if !open.is_empty() => {
                    let (reservation, charge) = open.swap_remove(which % open.len());
                    let reserved = charge.cost.unwrap();
                    let actual = cents.map_or(Actual::AsReserved, |cents| {
                        Actual::Cost(Money { micros: (cents * 10_000).min(reserved.micros), ..reserved })
                    });
                    prop_assert_eq!(ledger.settle(reservation, actual), Settled::Within);
                    replayed.replay(&index, &Event::Settled { call: charge.call, actual });
                }
                Step::Release { which } if !open.is_empty() => {
                    let (reservation, charge) = open.swap_remove(which % open.len());
                    ledger.release(reservation);
                    replayed.replay(&index, &Event::Released { call: charge.call });
                }
                Step::Restart => {
                    let json = serde_json::to_vec(&ledger.snapshot()).unwrap();
                    ledger = Ledger::restore(serde_json::from_slice(&json).unwrap());
                }
                _ => {}
            }
            for usage in ledger.usage(&index, T) {
                let limit = match usage.budget.limit { Limit::Calls(calls) => calls, Limit::Money(money) => money.micros };
                prop_assert!(usage.spent + usage.reserved <= limit, "{usage:?}");
            }
        }
        // A refused reservation advances the clock, which the receipts do not show. From here on both agree.
        replayed.advance(ledger.now);
        prop_assert_eq!(ledger.usage(&index, T), replayed.usage(&index, T));
        ledger.close_orphans();
        replayed.close_orphans();
        prop_assert_eq!(ledger.usage(&index, T), replayed.usage(&index, T));
    }
}

#[test]
fn events_about_unknown_calls_change_nothing() {
    let index = total(Window::All, "5");
    let mut ledger = Ledger::new();
    ledger.replay(&index, &Event::Settled { call: handle(1), actual: Actual::AsReserved });
    ledger.replay(&index, &Event::Released { call: handle(2) });
    assert_eq!(ledger.usage(&index, T)[0].spent, 0);
    ledger.replay(&index, &Event::Reserved { charge: charge(3, None), at: T });
    ledger.replay(&index, &Event::Reserved { charge: charge(3, None), at: T });
    assert_eq!(ledger.usage(&index, T)[0].reserved, 1, "a receipt replayed twice counts once");
    ledger.prune();
    assert_eq!(ledger.usage(&index, T)[0].reserved, 1);
}

/// Attack 61: reads whose intents are lost count against every budget in calls, up to its limit.
#[test]
fn lost_reads_count_as_spent() {
    let index = index(&[
        (BudgetScope::default(), Window::All, "100"),
        (scope(None, Some("mail"), None), Window::Day, "10"),
        (BudgetScope::default(), Window::All, "1.00 USD"),
    ]);
    let mut ledger = Ledger::new();
    ledger.replay(&index, &Event::Reserved { charge: charge(1, None), at: T });
    ledger.replay(&index, &Event::Lost { reads: 32, at: T });
    let _ = ledger.close_orphans();
    let spent: Vec<u64> = ledger.usage(&index, T).into_iter().map(|usage| usage.spent).collect();
    assert_eq!(spent, [33, 10, 0]);
    assert_eq!(ledger.calls_left(&index, &charge(2, None), T), 0);
    assert_eq!(ledger.calls_left(&index, &charge_of(2, "dev", "files", "send", None), T), 67);
    let tomorrow = UnixMillis(T.0 + 24 * HOUR);
    assert_eq!(ledger.calls_left(&index, &charge(2, None), tomorrow), 10);
    assert_eq!(ledger.calls_left(&BudgetIndex::default(), &charge(2, None), T), u64::MAX);
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

fn used(ledger: &Ledger, index: &BudgetIndex, now: UnixMillis) -> u64 {
    ledger.usage(index, now).iter().map(|usage| usage.spent + usage.reserved).sum()
}

fn spend(ledger: &mut Ledger, index: &BudgetIndex, call: u64, now: UnixMillis) -> bool {
    let Ok(reservation) = ledger.reserve(index, &charge(call, None), now) else { return false };
    ledger.settle(reservation, Actual::AsReserved) == Settled::Within
}

/// A ledger after a stop at this moment: from its snapshot.
fn stored(ledger: &Ledger) -> Ledger {
    let text = serde_json::to_string(&ledger.snapshot()).unwrap();
    Ledger::restore(serde_json::from_str(&text).unwrap())
}

/// Attack 64: a clock that goes ahead by days renews no window at once, and every window within an hour of running.
#[test]
fn a_step_of_the_clock_renews_late_and_surely() {
    for (window, days) in [(Window::Hour, 2), (Window::Day, 2), (Window::Month, 400), (Window::All, 400)] {
        let index = total(window, "1");
        let mut ledger = Ledger::new();
        assert!(spend(&mut ledger, &index, 1, T));
        let at = T.plus(DAY * days);
        ledger.clock_stepped(at, DAY * days);
        ledger.clock_stepped(at, DAY * days);
        let mut ledger = stored(&ledger);
        for minutes in [0, 1, 59] {
            let now = at.plus(MINUTE * minutes);
            assert_eq!(used(&ledger, &index, now), 1, "{window:?} {minutes}");
            assert!(!spend(&mut ledger, &index, 2, now) || window == Window::Hour);
        }
        let renews = window != Window::All;
        assert_eq!(spend(&mut ledger, &index, 3, at.plus(SETTLES_AFTER)), renews, "{window:?}");
        assert_eq!(stored(&ledger).snapshot(), ledger.snapshot());
        assert_eq!(serde_json::to_value(ledger.snapshot()).unwrap()["v"], 1, "the step is over");
        // The person may end the wait.
        let mut accepted = Ledger::new();
        assert!(spend(&mut accepted, &index, 1, T));
        accepted.clock_stepped(at, DAY * days);
        accepted.clock_accepted(at);
        assert_eq!(spend(&mut accepted, &index, 2, at), renews, "{window:?}");
    }
}

/// Attack 64: after a time that was days ahead, an accepted clock neither renews a budget early nor blocks it for as long.
#[test]
fn an_accepted_clock_renews_with_the_next_window() {
    for days in [2, 400] {
        for window in [Window::Hour, Window::Day, Window::Month, Window::All] {
            let index = total(window, "2");
            let mut ledger = Ledger::new();
            let ahead = T.plus(DAY * days);
            assert!(spend(&mut ledger, &index, 1, ahead));
            let running = ledger.reserve(&index, &charge(2, None), ahead).unwrap();
            ledger.clock_accepted(T);
            assert_eq!(used(&ledger, &index, T), 2, "{window:?} was renewed");
            let mut ledger = stored(&ledger);
            assert_eq!(used(&ledger, &index, T), 2, "{window:?} was renewed by a restart");
            assert_eq!(ledger.settle(running, Actual::AsReserved), Settled::Within);
            assert!(!spend(&mut ledger, &index, 3, T.plus(Duration::from_millis(1))));
            let next = T.plus(DAY * 40);
            assert_eq!(spend(&mut ledger, &index, 4, next), window != Window::All, "{window:?} after {days} days");
        }
    }
}

/// The ledger of a replay is that of the run.
#[test]
fn clock_events_replay() {
    let index = total(Window::Day, "3");
    let (mut run, mut replayed) = (Ledger::new(), Ledger::new());
    let at = T.plus(DAY * 9);
    assert!(spend(&mut run, &index, 1, T));
    run.clock_stepped(at, DAY * 9);
    assert!(spend(&mut run, &index, 2, at.plus(MINUTE)));
    run.clock_accepted(T.plus(MINUTE));
    assert!(spend(&mut run, &index, 3, T.plus(MINUTE * 2)));
    let settled = |call| Event::Settled { call: handle(call), actual: Actual::AsReserved };
    for event in [
        Event::Reserved { charge: charge(1, None), at: T },
        settled(1),
        Event::ClockStepped { at, by: DAY * 9 },
        Event::Reserved { charge: charge(2, None), at: at.plus(MINUTE) },
        settled(2),
        Event::ClockAccepted { at: T.plus(MINUTE) },
        Event::Reserved { charge: charge(3, None), at: T.plus(MINUTE * 2) },
        settled(3),
    ] {
        replayed.replay(&index, &event);
    }
    assert_eq!(replayed.snapshot(), run.snapshot());
    assert_eq!(used(&run, &index, T.plus(MINUTE * 3)), 3);
}
