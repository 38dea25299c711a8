//! Any schedule of sending, losing, delaying, repeating, crossing and crashing. Every delivered text was sent, and is
//! delivered once.

use std::collections::BTreeSet;

use briefcase_ratchet::{AgreementMode, HandshakeOptions, RatchetSession};
use proptest::prelude::*;

use crate::party::{Seeded, pair, read, send};

#[derive(Clone, Debug)]
enum Event {
    Send {
        by: usize,
    },
    Deliver {
        to: usize,
        which: usize,
    },
    Replay {
        to: usize,
        which: usize,
    },
    Lose {
        to: usize,
        which: usize,
    },
    /// Sends, but dies before the state is stored: nothing is released.
    Crash {
        by: usize,
    },
    /// Stores the state, but dies before the message is released. Its number is used up; the peer does not wait for it.
    CrashKept {
        by: usize,
    },
    /// Reads, but dies before the state is stored. The text was not released, and the message can be read again.
    CrashReading {
        to: usize,
        which: usize,
    },
    /// Reads and stores, but dies before the text is released. The text is lost, and no replay returns it.
    CrashRead {
        to: usize,
        which: usize,
    },
    /// Restarts from the stored bytes.
    Restart {
        who: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..2_usize;
    prop_oneof![
        4 => who.clone().prop_map(|by| Event::Send { by }),
        5 => (who.clone(), any::<usize>()).prop_map(|(to, which)| Event::Deliver { to, which }),
        2 => (who.clone(), any::<usize>()).prop_map(|(to, which)| Event::Replay { to, which }),
        1 => (who.clone(), any::<usize>()).prop_map(|(to, which)| Event::Lose { to, which }),
        1 => who.clone().prop_map(|by| Event::Crash { by }),
        1 => who.clone().prop_map(|by| Event::CrashKept { by }),
        1 => (who.clone(), any::<usize>()).prop_map(|(to, which)| Event::CrashReading { to, which }),
        1 => (who.clone(), any::<usize>()).prop_map(|(to, which)| Event::CrashRead { to, which }),
        1 => who.prop_map(|who| Event::Restart { who }),
    ]
}

#[derive(Default)]
struct Mailbox {
    waiting: Vec<(u32, Vec<u8>)>,
    seen: Vec<Vec<u8>>,
    texts: BTreeSet<u32>,
}

fn run(options: HandshakeOptions, seed: u64, events: Vec<Event>) -> Result<(), TestCaseError> {
    let (alice, bob) = pair(options, seed);
    let mut sessions: [RatchetSession; 2] = [alice, bob];
    let mut boxes = [Mailbox::default(), Mailbox::default()];
    let entropy = Seeded::new(seed + 99);
    for (number, event) in (0_u32..).zip(events) {
        match event {
            Event::Send { by } => {
                let message = send(&mut sessions[by], &number.to_be_bytes(), &entropy);
                boxes[1 - by].waiting.push((number, message));
            }
            Event::Deliver { to, which } if !boxes[to].waiting.is_empty() => {
                let at = which % boxes[to].waiting.len();
                let (sent, message) = boxes[to].waiting.remove(at);
                let text = read(&mut sessions[to], &message, &entropy)
                    .map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert_eq!(text, sent.to_be_bytes());
                prop_assert!(boxes[to].texts.insert(sent));
                boxes[to].seen.push(message);
            }
            Event::Replay { to, which } if !boxes[to].seen.is_empty() => {
                let at = which % boxes[to].seen.len();
                let before = sessions[to].to_bytes();
                prop_assert!(sessions[to].decrypt(&boxes[to].seen[at], b"", &entropy).is_err());
                prop_assert_eq!(before, sessions[to].to_bytes());
            }
            Event::Lose { to, which } if !boxes[to].waiting.is_empty() => {
                let at = which % boxes[to].waiting.len();
                boxes[to].waiting.remove(at);
            }
            Event::Crash { by } => drop(sessions[by].encrypt(b"lost", b"", &entropy)),
            Event::CrashKept { by } => drop(send(&mut sessions[by], b"lost", &entropy)),
            Event::CrashReading { to, which } if !boxes[to].waiting.is_empty() => {
                let (sent, message) = &boxes[to].waiting[which % boxes[to].waiting.len()];
                let read = sessions[to].decrypt(message, b"", &entropy);
                let (_, text) = read.map_err(|error| TestCaseError::fail(error.to_string()))?.into_parts();
                prop_assert_eq!(text.as_slice(), sent.to_be_bytes());
            }
            Event::CrashRead { to, which } if !boxes[to].waiting.is_empty() => {
                let at = which % boxes[to].waiting.len();
                let (_, message) = boxes[to].waiting.remove(at);
                read(&mut sessions[to], &message, &entropy).map_err(|error| TestCaseError::fail(error.to_string()))?;
                boxes[to].seen.push(message);
            }
            Event::Restart { who } => sessions[who] = RatchetSession::from_bytes(&sessions[who].to_bytes()).unwrap(),
            Event::Deliver { .. }
            | Event::Replay { .. }
            | Event::Lose { .. }
            | Event::CrashReading { .. }
            | Event::CrashRead { .. } => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_schedule_with_plain_headers(seed in any::<u32>(), events in prop::collection::vec(event(), 1..60)) {
        run(HandshakeOptions { mode: AgreementMode::X3dh, hide_headers: false }, seed.into(), events)?;
    }

    #[test]
    fn any_schedule_with_hidden_headers(seed in any::<u32>(), events in prop::collection::vec(event(), 1..60)) {
        run(HandshakeOptions { mode: AgreementMode::X3dh, hide_headers: true }, seed.into(), events)?;
    }

    #[test]
    fn any_schedule_after_pqxdh(seed in any::<u32>(), hide_headers in any::<bool>(), events in prop::collection::vec(event(), 1..60)) {
        run(HandshakeOptions { mode: AgreementMode::Pqxdh, hide_headers }, seed.into(), events)?;
    }
}
