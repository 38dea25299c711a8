//! Accepted and rejected responses.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use briefcase_egress::{AddressPolicy, EgressError, SystemResolver};
use bytes::Bytes;

use crate::stage::{client, fetch, serve};

async fn answer(text: impl Into<Vec<u8>>) -> Result<Bytes, EgressError> {
    let (address, _) = serve(text).await;
    fetch(&client(&format!("http://{address}/"), AddressPolicy::Loopback, Arc::new(SystemResolver), vec![])).await
}

#[tokio::test]
async fn attack_49_an_encoded_body_is_refused_before_it_is_read() {
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, gzip", "identity, gzip", "x-unknown"] {
        let outcome =
            answer(format!("HTTP/1.1 200 x\r\ncontent-encoding: {encoding}\r\ncontent-length: 1\r\n\r\nx")).await;
        assert!(matches!(outcome, Err(EgressError::Encoded)), "{encoding}: {outcome:?}");
    }
    let plain = answer("HTTP/1.1 200 x\r\ncontent-encoding: Identity\r\ncontent-length: 1\r\n\r\nx").await;
    assert_eq!(plain.unwrap(), "x");
}

#[tokio::test]
async fn attack_47_a_body_ends_at_its_limit() {
    let announced = answer("HTTP/1.1 200 x\r\ncontent-length: 1001\r\n\r\n").await;
    assert!(matches!(announced, Err(EgressError::TooLarge(1000))), "{announced:?}");
    let chunk = format!("200\r\n{}\r\n", "x".repeat(0x200));
    let chunked = answer(format!("HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(4))).await;
    assert!(matches!(chunked, Err(EgressError::TooLarge(1000))), "{chunked:?}");
    let heads = answer(format!("HTTP/1.1 200 x\r\na: {}\r\n\r\n", "x".repeat(1 << 20))).await;
    assert!(matches!(heads, Err(EgressError::Connection(_))), "{heads:?}");
    let many = answer(format!("HTTP/1.1 200 x\r\n{}\r\n", "a: b\r\n".repeat(1000))).await;
    assert!(matches!(many, Err(EgressError::Connection(_))), "{many:?}");
}

#[tokio::test]
async fn attack_50_every_wait_has_a_timeout() {
    let began = Instant::now();
    assert!(matches!(answer("").await, Err(EgressError::TimedOut("response"))));
    let slow = answer("HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\nx").await;
    assert!(matches!(slow, Err(EgressError::TimedOut("data"))), "{slow:?}");
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn attack_38_an_ambiguous_response_is_rejected() {
    for text in [
        "HTTP/1.1 200 x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "HTTP/1.1 200 x\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 x\r\na: b\r\n folded\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
    ] {
        assert!(matches!(answer(text).await, Err(EgressError::Connection(_))), "{text:?}");
    }
}

#[tokio::test]
async fn attack_45_redirects_are_not_followed() {
    let (elsewhere, connections) = serve("HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let text = format!("HTTP/1.1 {status} x\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
        match answer(text).await {
            Err(EgressError::Redirected { status: told, location: Some(to) }) => {
                assert_eq!((told, to), (status, format!("http://{elsewhere}/")));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_is_reused_within_its_client_only() {
    let (address, connections) = serve("HTTP/1.1 200 x\r\ncontent-length: 2\r\n\r\nok").await;
    let url = format!("http://{address}/");
    let one = client(&url, AddressPolicy::Loopback, Arc::new(SystemResolver), vec![]);
    for _ in 0..10 {
        assert_eq!(fetch(&one).await.unwrap(), "ok");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    let other = client(&url, AddressPolicy::Loopback, Arc::new(SystemResolver), vec![]);
    fetch(&other).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2, "another client has its own");
}
