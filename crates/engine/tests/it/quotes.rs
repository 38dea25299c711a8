//! A price that a server asks: nothing runs without another decision.

use briefcase_ports::{Quote, UpstreamFailure};
use briefcase_types::{Amount, RefusalCode};
use bytes::Bytes;

use crate::doubles::World;

fn quote() -> Quote {
    let asset = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".parse().unwrap();
    Quote { amount: Amount::new(10_000, asset, 6).unwrap(), terms: Bytes::from_static(b"{}") }
}

#[tokio::test]
async fn a_quoted_call_is_refused_once_and_on_record_as_without_a_quote() {
    let mut records = Vec::new();
    for quote in [None, Some(Box::new(quote()))] {
        let world = World::new(Vec::new());
        *world.server.answer.lock().unwrap() = Err(UpstreamFailure::PaymentRequired(quote));
        let refusal = world.run("look", "{}").await.unwrap_err();
        assert_eq!((refusal.code, refusal.reason.as_str()), (RefusalCode::PaymentRequired, "payment_required"));
        assert!(refusal.receipt.is_some(), "the outcome's receipt");
        assert_eq!(world.effects(), 1, "the call was sent once");
        records.push(world.journal.kinds());
    }
    assert_eq!(records[0], ["intent:allow", "outcome:payment_required"]);
    assert_eq!(records[0], records[1]);
}
