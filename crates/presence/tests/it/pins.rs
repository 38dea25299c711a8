use std::{convert::Infallible, time::Duration};

use briefcase_presence::{
    AttemptState, CountedAttempt, EnrolError, EnrolmentPermit, NotForThis, PinFactor, Present, WeakPin,
};
use briefcase_types::{FactorKind, UnixMillis};

use crate::{Counted, NOW, decision, later, text};

fn enrolled() -> PinFactor {
    PinFactor::enrol(EnrolmentPermit::first(0).unwrap(), &text("840216"), &Counted::start(), NOW).unwrap()
}

fn counted(state: &mut AttemptState, now: UnixMillis) -> CountedAttempt {
    state.begin(now).unwrap().persist(|_| Ok::<_, Infallible>(())).unwrap()
}

/// The state that a killed and restarted daemon reads from storage.
fn after_restart(stored: &str) -> AttemptState {
    serde_json::from_str(stored).unwrap()
}

#[test]
fn the_right_pin_proves_presence_once_for_one_decision_for_two_minutes() {
    let factor = enrolled();
    let mut state = AttemptState::default();
    let prove = |state: &mut AttemptState| -> Present {
        counted(state, NOW).finish(Some(&factor), &text("840216"), decision("a"), NOW).unwrap()
    };
    let used = prove(&mut state).spend(&decision("a"), later(120)).unwrap();
    assert_eq!((used.kind, used.factor, used.at), (FactorKind::Pin, factor.id(), NOW));
    assert_eq!(prove(&mut state).spend(&decision("b"), NOW).unwrap_err(), NotForThis::OtherDecision);
    assert_eq!(prove(&mut state).spend(&decision("a"), later(121)).unwrap_err(), NotForThis::TooOld);
}

#[test]
fn a_wrong_pin_and_no_pin_at_all_look_the_same() {
    let factor = enrolled();
    let wrong = counted(&mut AttemptState::default(), NOW).finish(Some(&factor), &text("840217"), decision("a"), NOW);
    let absent = counted(&mut AttemptState::default(), NOW).finish(None, &text("840216"), decision("a"), NOW);
    assert_eq!(wrong.err().unwrap(), absent.err().unwrap());
}

#[test]
fn killing_the_daemon_between_guess_and_answer_gives_no_free_guess() {
    let mut stored = String::from("{\"failures\":0}");
    for guess in 1..=5 {
        let mut state = after_restart(&stored);
        let pending = state.begin(later(guess)).unwrap();
        let killed: Result<CountedAttempt, ()> = pending.persist(|state| {
            stored = serde_json::to_string(state).unwrap();
            Err(())
        });
        assert!(killed.is_err(), "guess {guess}: the daemon dies before it compares the PIN");
    }
    let locked = after_restart(&stored).begin(later(6)).err().unwrap();
    assert_eq!(locked.until, later(65), "one minute after the fifth guess");
    assert!(after_restart(&stored).begin(later(64)).is_err());
    assert!(after_restart(&stored).begin(later(65)).is_ok());
}

#[test]
fn parallel_guesses_share_one_count() {
    let mut state = AttemptState::default();
    let open: Vec<_> = std::iter::from_fn(|| state.begin(NOW).ok()).take(100).collect();
    assert_eq!(open.len(), 5, "attempts count from when they begin, not from when they end");
}

#[test]
fn the_lock_out_doubles_up_to_a_day_and_never_ends_early() {
    let mut state = AttemptState::default();
    let mut now = NOW;
    let mut waits = Vec::new();
    for _ in 0..40 {
        match state.begin(now) {
            Ok(_pending) => {}
            Err(locked) => {
                waits.push(locked.wait.as_secs());
                assert!(state.begin(UnixMillis(locked.until.0 - 1)).is_err());
                assert!(state.begin(NOW).is_err(), "a clock set back does not unlock");
                now = locked.until;
            }
        }
    }
    assert_eq!(waits[..5], [60, 120, 240, 480, 960]);
    assert_eq!(waits.iter().max(), Some(&86_400));
    assert!(waits.is_sorted());
}

#[test]
fn only_the_right_pin_clears_the_count() {
    let factor = enrolled();
    let mut state = AttemptState::default();
    for _ in 0..3 {
        drop(counted(&mut state, NOW));
    }
    let wrong = counted(&mut state, NOW).finish(Some(&factor), &text("000000"), decision("a"), NOW).err().unwrap();
    assert_eq!((wrong.tries_left, wrong.locked_until), (1, None));
    let proof = counted(&mut state, NOW).finish(Some(&factor), &text("840216"), decision("a"), NOW).unwrap();
    assert!(state.begin(NOW).is_err(), "counted as failed until the proof clears it");
    state.clear(&proof);
    assert_eq!(state, AttemptState::default());
}

#[test]
fn a_count_that_storage_did_not_take_is_still_counted() {
    let mut state = AttemptState::default();
    for _ in 0..5 {
        assert!(state.begin(NOW).unwrap().persist(|_| Err::<(), _>("disk full")).is_err());
    }
    assert!(state.begin(NOW).is_err());
}

#[test]
fn the_count_can_be_stored_asynchronously() {
    let mut state = AttemptState::default();
    let pending = state.begin(NOW).unwrap();
    let stored = std::cell::RefCell::new(None);
    let saved = pending.persist_async(|state| {
        stored.replace(Some(state));
        std::future::ready(Ok::<_, Infallible>(()))
    });
    let mut saved = std::pin::pin!(saved);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(matches!(saved.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(_))));
    assert_eq!(stored.borrow().as_ref(), Some(&state));
}

#[test]
fn weak_pins_and_second_first_factors_are_refused() {
    let enrol = |pin: &str| PinFactor::enrol(EnrolmentPermit::first(0).unwrap(), &text(pin), &Counted::start(), NOW);
    assert!(matches!(enrol("123456").err().unwrap(), EnrolError::Weak(WeakPin::Guessable)));
    assert!(matches!(enrol("12345").err().unwrap(), EnrolError::Weak(WeakPin::TooShort)));
    assert!(EnrolmentPermit::first(1).is_err());
}

#[test]
fn enrolling_another_factor_takes_a_proof_for_exactly_that() {
    let factor = enrolled();
    let prove = || {
        let mut state = AttemptState::default();
        counted(&mut state, NOW).finish(Some(&factor), &text("840216"), decision("enrol x"), NOW).unwrap()
    };
    let permit = EnrolmentPermit::by(prove(), &decision("enrol x"), NOW).unwrap();
    assert_eq!(permit.allowed_by().unwrap().factor, factor.id());
    assert!(EnrolmentPermit::by(prove(), &decision("enrol y"), NOW).is_err());
}

#[test]
fn the_stored_form_reads_back_and_lowered_costs_do_not() {
    let factor = enrolled();
    let stored = serde_json::to_value(&factor).unwrap();
    let back: PinFactor = serde_json::from_value(stored.clone()).unwrap();
    let mut state = AttemptState::default();
    assert!(counted(&mut state, NOW).finish(Some(&back), &text("840216"), decision("a"), NOW).is_ok());
    for (field, value) in [
        ("memory_kib", serde_json::json!(8)),
        ("memory_kib", serde_json::json!(4_000_000)),
        ("passes", serde_json::json!(1)),
        ("lanes", serde_json::json!(0)),
        ("algorithm", serde_json::json!("argon2i-19")),
        ("salt", serde_json::json!("AAAA")),
        ("hash", serde_json::json!("AAAA")),
        ("extra", serde_json::json!(1)),
    ] {
        let mut changed = stored.clone();
        changed[field] = value;
        assert!(serde_json::from_value::<PinFactor>(changed).is_err(), "{field}");
    }
    assert!(!stored.to_string().contains("840216"));
}

/// Attack 64: a lock-out ends within its length, whatever the clock does, and a step of the clock does not end it.
#[test]
fn a_lock_out_ends_in_its_time_whatever_the_clock_does() {
    let day = Duration::from_secs(24 * 3600);
    for days in [2, 400] {
        let locked_at = |at: UnixMillis| {
            let mut state = AttemptState::default();
            for _ in 0..5 {
                let _ = state.begin(at).unwrap();
            }
            assert!(state.begin(at).is_err());
            state
        };
        let ahead = NOW.plus(day * days);
        // The clock was ahead and is right again: at once, after an acceptance, and after a restart.
        let mut back = locked_at(ahead);
        assert_eq!(back.begin(NOW).err().unwrap().wait, Duration::from_secs(60), "{days}");
        assert!(back.begin(NOW.plus(Duration::from_secs(61))).is_ok(), "{days}");
        let mut accepted = locked_at(ahead);
        accepted.clock_accepted(NOW);
        let stored = serde_json::to_string(&accepted).unwrap();
        let mut accepted: AttemptState = serde_json::from_str(&stored).unwrap();
        assert!(accepted.begin(NOW.plus(Duration::from_secs(59))).is_err());
        assert!(accepted.begin(NOW.plus(Duration::from_secs(60))).is_ok());
        // The clock goes ahead: the lock-out lasts for the rest of its time, and not longer than the whole.
        let mut stepped = locked_at(NOW);
        stepped.clock_stepped(ahead, day * days);
        stepped.clock_stepped(ahead, day * days);
        assert!(stepped.begin(ahead.plus(Duration::from_secs(59))).is_err(), "{days}");
        assert!(stepped.begin(ahead.plus(Duration::from_secs(60))).is_ok(), "{days}");
    }
}
