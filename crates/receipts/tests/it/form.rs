//! A receipt has one encoding, fits its size budget, and carries no unsafe text.

use briefcase_json::{JsonLimits, canonical, parse_strict};
use briefcase_receipts::{
    Approval, ChangeReceipt, Factor, FormError, Intent, Kind, Notice, Outcome, Receipt, Reconcile, ReconciledEffect,
    RecordedScope, Refused, Restore, StartReceipt, Step, Text, Word, Words, commit::CommitmentKey, merkle,
};
use briefcase_types::{
    AgentId, Amount, ApprovalId, CallId, Digest, Entropy, Incarnation, Money, ReceiptIndex, RefusalCode, ServerId,
    SessionId, UnixMillis,
};
use proptest::{option, prelude::*};
use serde_json::Value;

use crate::{sample, vector};

struct Fixed([u8; 16]);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

const SAFE: u64 = (1 << 53) - 1;

fn count() -> impl Strategy<Value = u64> {
    0..=SAFE
}

fn call() -> impl Strategy<Value = CallId> {
    any::<[u8; 16]>().prop_map(|bytes| CallId::random(&Fixed(bytes)))
}

fn approval() -> impl Strategy<Value = ApprovalId> {
    any::<[u8; 16]>().prop_map(|bytes| ApprovalId::random(&Fixed(bytes)))
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<[u8; 16]>().prop_map(|bytes| SessionId::random(&Fixed(bytes)))
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    any::<[u8; 16]>().prop_map(|bytes| Incarnation::random(&Fixed(bytes)))
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn agent() -> impl Strategy<Value = AgentId> {
    "[a-z]([a-z0-9-]{0,10}[a-z0-9])?".prop_map(|text| text.parse().unwrap())
}

fn server() -> impl Strategy<Value = ServerId> {
    "[a-z]([a-z0-9-]{0,10}[a-z0-9])?".prop_map(|text| text.parse().unwrap())
}

fn word() -> impl Strategy<Value = Word> {
    any::<String>().prop_map(Word::lossy)
}

fn words() -> impl Strategy<Value = Words> {
    proptest::collection::vec(word(), 0..20).prop_map(|words| words.into_iter().collect())
}

fn text() -> impl Strategy<Value = Text> {
    any::<String>().prop_map(|text| Text::lossy(&text))
}

fn money() -> impl Strategy<Value = Money> {
    (any::<u64>(), "[A-Z][A-Z0-9]{2,7}")
        .prop_map(|(micros, currency)| Money { micros, currency: currency.parse().unwrap() })
}

fn factor() -> impl Strategy<Value = Factor> {
    prop_oneof![Just(Factor::Pin), Just(Factor::Passkey)]
}

fn amount() -> impl Strategy<Value = Amount> {
    let asset = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
    (any::<u128>(), 0..=36_u8)
        .prop_map(move |(atomic, decimals)| Amount::new(atomic, asset.parse().unwrap(), decimals).unwrap())
}

fn intent() -> impl Strategy<Value = Kind> {
    let who = (call(), agent(), session(), server(), word(), option::of(text()));
    let what = (
        option::of(digest()),
        option::of(digest()),
        option::of(money()),
        option::of(amount()),
        count(),
        words(),
        option::of(approval()),
        word(),
        words(),
    );
    (who, what).prop_map(
        |(
            (call, agent, session, server, op, name),
            (pin, args, cost, amount, authority, policies, approval, decision, labels),
        )| {
            Kind::Intent(Intent {
                call,
                agent,
                session,
                server,
                op,
                name,
                pin,
                args,
                cost,
                amount,
                authority,
                policies,
                approval,
                decision,
                labels,
            })
        },
    )
}

fn outcome() -> impl Strategy<Value = Kind> {
    (
        call(),
        option::of(count().prop_map(ReceiptIndex)),
        word(),
        option::of(digest()),
        count(),
        count(),
        count(),
        option::of(money()),
        option::of(amount()),
    )
        .prop_map(|(call, intent, status, result, bytes, redacted, millis, cost, amount)| {
            Kind::Outcome(Outcome { call, intent, status, result, bytes, redacted, millis, cost, amount })
        })
}

fn refusal() -> impl Strategy<Value = Kind> {
    let codes =
        prop_oneof![Just(RefusalCode::Denied), Just(RefusalCode::ApprovalRequired), Just(RefusalCode::Unavailable)];
    let who = (call(), agent(), session(), option::of(server()), option::of(word()), option::of(text()));
    (who, (codes, word(), option::of(digest()), words(), count(), option::of(approval()))).prop_map(
        |((call, agent, session, server, op, name), (code, reason, args, policies, authority, approval))| {
            Kind::Refusal(Refused {
                call,
                agent,
                session,
                server,
                op,
                name,
                code,
                reason,
                args,
                policies,
                authority,
                approval,
            })
        },
    )
}

fn asked() -> impl Strategy<Value = Kind> {
    let steps = prop_oneof![Just(Step::Requested), Just(Step::Approved), Just(Step::Denied), Just(Step::Consumed)];
    let scopes = prop_oneof![Just(RecordedScope::Once), Just(RecordedScope::Session), Just(RecordedScope::Rule)];
    (approval(), digest(), steps, option::of(call()), option::of(agent()), option::of(factor()), option::of(scopes))
        .prop_map(|(approval, digest, step, call, agent, factor, scope)| {
            Kind::Approval(Approval { approval, digest, step, call, agent, factor, scope })
        })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let kind = prop_oneof![
        intent(),
        outcome(),
        refusal(),
        asked(),
        (incarnation(), word(), words()).prop_map(|(incarnation, program, files)| Kind::Start(StartReceipt {
            incarnation,
            program,
            files
        })),
        (count(), count(), digest(), option::of(factor()), words()).prop_map(
            |(old, new, document, factor, summary)| {
                Kind::Change(ChangeReceipt { old, new, document, factor, summary })
            }
        ),
        (call(), count()).prop_map(|(call, intent)| {
            Kind::Reconcile(Reconcile { call, intent: ReceiptIndex(intent), verdict: ReconciledEffect::Unknown })
        }),
        (incarnation(), incarnation()).prop_map(|(old, new)| Kind::Restore(Restore { old, new })),
        (word(), option::of(agent()), option::of(server()), option::of(text()))
            .prop_map(|(what, agent, server, detail)| Kind::Notice(Notice { what, agent, server, detail })),
    ];
    (count(), kind).prop_map(|(at, kind)| Receipt { at: UnixMillis(at), kind })
}

proptest! {
    #[test]
    fn encoding_is_canonical_json_and_reads_back(receipt in receipt()) {
        let encoded = receipt.encode().unwrap();
        let value = parse_strict(&encoded, &JsonLimits::AGENT).unwrap();
        prop_assert_eq!(&canonical(&value), &encoded);
        prop_assert_eq!(Receipt::decode(&encoded).unwrap(), receipt);
    }

    #[test]
    fn no_receipt_carries_a_control_character_or_hides_text(receipt in receipt()) {
        let encoded = String::from_utf8(receipt.encode().unwrap()).unwrap();
        prop_assert!(!encoded.contains(|letter: char| letter == '\n' || briefcase_types::text::is_deceptive(letter)));
        prop_assert!(encoded.len() < 4096);
    }

    #[test]
    fn any_other_bytes_are_refused(receipt in receipt(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3) {
        let good = receipt.encode().unwrap();
        let mut bad = good.clone();
        let at = at.index(bad.len());
        match how {
            0 => bad[at] = byte,
            1 => bad.insert(at, byte),
            _ => drop(bad.remove(at)),
        }
        // A changed byte may make another receipt, but never a second encoding of one.
        if let Ok(read) = Receipt::decode(&bad) {
            prop_assert_eq!(read.encode().unwrap(), bad.clone());
            prop_assert!(bad == good || read != receipt);
        }
    }
}

#[test]
fn the_vectors_of_the_other_implementation() {
    let vector: Value = serde_json::from_str(&vector("receipts.json")).unwrap();
    let mut frontier = merkle::Frontier::new();
    let mut kinds = std::collections::BTreeSet::new();
    for (line, size) in vector["receipts"].as_array().unwrap().iter().zip(0..) {
        let line = line.as_str().unwrap();
        let receipt = Receipt::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(String::from_utf8(receipt.encode().unwrap()).unwrap(), line);
        kinds.insert(serde_json::from_str::<Value>(line).unwrap()["k"].as_str().unwrap().to_owned());
        assert_eq!(frontier.root().to_string(), vector["roots"][size as usize].as_str().unwrap());
        frontier.append(merkle::leaf_hash(line.as_bytes()));
    }
    assert_eq!(frontier.root().to_string(), vector["roots"][frontier.size() as usize].as_str().unwrap());
    assert_eq!(kinds.len(), 9, "one of each kind: {kinds:?}");
    for line in vector["receipts_with_amounts"].as_array().unwrap() {
        let line = line.as_str().unwrap();
        let receipt = Receipt::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(String::from_utf8(receipt.encode().unwrap()).unwrap(), line);
    }

    let commitment = &vector["commitment"];
    let key: Vec<u8> = (0..32).collect();
    let call: CallId = commitment["call"].as_str().unwrap().parse().unwrap();
    let committed =
        CommitmentKey::new(zeroize::Zeroizing::new(key.try_into().unwrap())).arguments(&call, &commitment["arguments"]);
    assert_eq!(committed.root().to_string(), commitment["root"].as_str().unwrap());
}

#[test]
fn a_typical_call_fits_its_budget_on_disk() {
    let at = UnixMillis(1_763_712_000_000);
    let intent = Receipt { at, kind: Kind::Intent(sample::intent(u64::MAX)) }.encode().unwrap();
    let outcome = Receipt { at, kind: Kind::Outcome(sample::outcome(u64::MAX, Some(1_000_000))) }.encode().unwrap();
    assert!(intent.len() <= 360, "{}: {}", intent.len(), String::from_utf8_lossy(&intent));
    assert!(outcome.len() <= 200, "{}: {}", outcome.len(), String::from_utf8_lossy(&outcome));
}

#[test]
fn another_form_is_reported() {
    let outcome = sample::outcome(1, None);
    let good =
        String::from_utf8(Receipt { at: UnixMillis(5), kind: Kind::Outcome(outcome) }.encode().unwrap()).unwrap();
    let refused = |text: &str| Receipt::decode(text.as_bytes()).unwrap_err();
    assert_eq!(refused(&good.replace("\"v\":1", "\"v\":4")), FormError::Version);
    assert_eq!(refused(&good.replace("\"v\":1", "\"new\":[],\"v\":4")), FormError::Version);
    assert_eq!(refused(&good.replace("\"v\":1", "\"v\":2")), FormError::NotCanonical, "version 2 without an amount");
    let with_amount = good.replacen('{', "{\"amount\":\"0.001 bip122:000000000019d6689c085ae165831e93/slip44:0\",", 1);
    assert_eq!(refused(&with_amount), FormError::NotCanonical, "version 1 with an amount");
    assert!(Receipt::decode(with_amount.replace("\"v\":1", "\"v\":2").as_bytes()).is_ok());
    assert_eq!(
        refused(&good.replace("\"v\":1", "\"v\":3")),
        FormError::NotCanonical,
        "version 3 without labels or files"
    );
    assert_eq!(refused(&good.replace("\"outcome\"", "\"omen\"")), FormError::Kind);
    assert_eq!(refused(&good.replace("\"ms\":87,", "")), FormError::Missing("ms"));
    assert_eq!(refused(&good.replace("\"ms\"", "\"old\":1,\"ms\"")), FormError::NotCanonical);
    assert_eq!(refused(&good.replace("\"ms\":87", "\"ms\": 87")), FormError::NotCanonical);
    assert_eq!(
        refused(&good.replace("\"ms\":87", "\"ms\":87,\"old\":1")),
        FormError::NotCanonical,
        "a member of another kind"
    );
    assert_eq!(refused(&good.replace("\"ms\":87", "\"ms\":87,\"redacted\":0")), FormError::NotCanonical);
    assert_eq!(refused(&good.replace("\"ms\":87", "\"ms\":9007199254740993")), FormError::Number);
    assert!(matches!(refused(&good.replace("\"ms\":87", "\"ms\":87,\"ms\":87")), FormError::Malformed { .. }));
    assert!(matches!(refused(&good.replace("\"ms\":87", "\"ms\":-1")), FormError::Malformed { .. }));
    assert!(matches!(refused(&good.replace("\"ok\"", "\"o\\u001bk\"")), FormError::Malformed { .. }));
    assert_eq!(refused(&format!("{good}{}", " ".repeat(20_000))), FormError::TooLong);
    let late = Receipt { at: UnixMillis(u64::MAX), kind: Kind::Outcome(sample::outcome(1, None)) };
    assert_eq!(late.encode().unwrap_err(), FormError::Number);
}

#[test]
fn untrusted_names_are_made_safe_and_long_lists_count_their_omissions() {
    assert_eq!(Text::lossy("a\u{202e}b\nc\t\u{1b}[2J").as_str(), "a\\u{202e}b\\u{a}c\\u{9}\\u{1b}[2J");
    assert_eq!(Text::lossy(&"é".repeat(300)).as_str().len(), 256);
    assert!("a\nb".parse::<Text>().is_err());
    assert_eq!(Word::lossy("no spaces\u{7}!").as_str(), "no-spaces--");
    assert_eq!(Word::lossy("").as_str(), "-");
    let many: Words = (0..20).map(|number| Word::lossy(number.to_string())).collect();
    assert_eq!(many.iter().count(), 16);
    assert_eq!(many.iter().last().unwrap().as_str(), "and-5-more");
}
