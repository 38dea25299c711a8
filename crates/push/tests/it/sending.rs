//! Requests to a push service, and the meaning of its responses.

use std::{sync::Arc, time::Duration};

use briefcase_egress::{Egress, EgressError, EgressSettings};
use briefcase_push::{
    Delivered, LONGEST_TTL, LeaseError, Leases, MAX_CONTENT, MessageError, PushError, PushMessage, PushSender,
    PushUrgency, Topic,
};

use crate::{
    sample::{At, Enclave, NOW, Seeded},
    service::Service,
};

const MINUTE: Duration = Duration::from_mins(1);

async fn answered(answer: &str) -> Result<Delivered, PushError> {
    let service = Service::start(answer).await;
    let message = PushMessage::with_content(MINUTE, b"ping".to_vec(), 0).unwrap();
    service.sender().send(&service.subscription(), &service.leases(), &message).await
}

#[tokio::test]
async fn a_message_arrives_sealed_under_the_lease_for_that_service() {
    let service = Service::start("HTTP/1.1 201 Created\r\nTTL: 30\r\ncontent-length: 0\r\n\r\n").await;
    let message = PushMessage::with_content(MINUTE, b"two words".to_vec(), 64)
        .unwrap()
        .urgency(PushUrgency::High)
        .topic("approvals".parse().unwrap());
    let (sender, subscription, leases) = (service.sender(), service.subscription(), service.leases());
    let delivered = sender.send(&subscription, &leases, &message).await.unwrap();
    assert_eq!(delivered, Delivered { kept: Some(Duration::from_secs(30)) });
    sender.send(&subscription, &leases, &message).await.unwrap();
    let [got, again] = service.requests().try_into().ok().expect("two requests");
    assert!(got.head.starts_with("POST /push/one?two HTTP/1.1\r\n"), "{}", got.head);
    for (name, value) in [
        ("authorization", service.enclave.lease(&service.origin, Duration::from_mins(10)).as_str()),
        ("ttl", "60"),
        ("urgency", "high"),
        ("topic", "approvals"),
        ("content-encoding", "aes128gcm"),
        ("content-length", "167"),
    ] {
        let shown = |value: Option<&str>| value.map(|value| value.split('.').take(2).collect::<Vec<_>>().join("."));
        assert_eq!(shown(got.header(name)), shown(Some(value)), "{name}");
    }
    assert_eq!(got.header("crypto-key"), None, "a header of drafts");
    assert_eq!(*service.receiver.open(&got.body).unwrap(), b"two words");
    assert_ne!(got.body, again.body);
}

#[tokio::test]
async fn a_wake_up_has_an_empty_body() {
    let service = Service::start("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    let message = PushMessage::wake_up(Duration::ZERO).unwrap();
    let delivered = service.sender().send(&service.subscription(), &service.leases(), &message).await.unwrap();
    assert_eq!(delivered, Delivered { kept: None });
    let got = service.requests().remove(0);
    assert_eq!((got.header("ttl"), got.header("content-length")), (Some("0"), Some("0")));
    for absent in ["content-encoding", "content-type", "topic", "crypto-key"] {
        assert_eq!(got.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn without_a_lease_for_exactly_this_service_nothing_is_sent() {
    let service = Service::start("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    let message = PushMessage::wake_up(MINUTE).unwrap();
    let elsewhere = Service::start("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.leases();
    for leases in [Leases::new(service.enclave.raw), Leases::new(Enclave::new(2).raw), elsewhere] {
        let refused = service.sender().send(&service.subscription(), &leases, &message).await;
        let Err(PushError::Lease(LeaseError::Missing(audience))) = refused else { panic!("{refused:?}") };
        assert_eq!(audience, service.origin);
    }
    let egress = Egress::new(EgressSettings::default()).unwrap();
    let later = PushSender::new(egress, Arc::new(At(NOW.plus(Duration::from_mins(10)))), Arc::new(Seeded::new(1)));
    let refused = later.send(&service.subscription(), &service.leases(), &message).await;
    assert!(matches!(refused, Err(PushError::Lease(LeaseError::Missing(_)))), "the lease is over");
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn each_response_maps_to_the_senders_action() {
    for status in ["404 Not Found", "410 Gone"] {
        let answer = answered(&format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await;
        assert!(matches!(answer, Err(PushError::Gone(404 | 410))), "{answer:?}");
    }
    let answer = answered("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await;
    assert!(matches!(answer, Err(PushError::TooLarge)));
    for status in [401, 403] {
        let answer = answered(&format!("HTTP/1.1 {status} No\r\ncontent-length: 12\r\n\r\nbad\u{1b}[2Jtoken")).await;
        let Err(PushError::Unauthorized { status: seen, reason }) = answer else { panic!("{answer:?}") };
        assert_eq!((seen, reason.as_str()), (status, "bad\\u{1b}[2Jtoken"));
    }
    let answer = answered(&format!("HTTP/1.1 400 No\r\ncontent-length: 2000\r\n\r\n{}", "\u{e9}".repeat(1000))).await;
    let Err(PushError::Refused { status: 400, reason }) = answer else { panic!("{answer:?}") };
    assert_eq!(reason, "\u{e9}".repeat(150));
}

#[tokio::test]
async fn the_retry_delay_is_the_services_within_a_day() {
    for (status, header, after) in [
        (429, "Retry-After: 120\r\n", Some(120)),
        (503, "Retry-After: Fri, 21 Nov 2025 08:01:00 GMT\r\n", Some(60)),
        (503, "Retry-After: Fri, 21 Nov 2025 07:00:00 GMT\r\n", Some(0)),
        (429, "Retry-After: 99999999999\r\n", Some(86_400)),
        (429, "Retry-After: soon\r\n", None),
        (429, "Retry-After: -1\r\n", None),
        (502, "", None),
    ] {
        let answer = answered(&format!("HTTP/1.1 {status} Later\r\n{header}content-length: 0\r\n\r\n")).await;
        let Err(PushError::Later { status: seen, after: told }) = answer else { panic!("{answer:?}") };
        assert_eq!((seen, told), (status, after.map(Duration::from_secs)), "{header}");
    }
}

#[tokio::test]
async fn a_redirect_does_not_leak_the_token() {
    let answer =
        answered("HTTP/1.1 307 Elsewhere\r\nLocation: https://evil.example/\r\ncontent-length: 0\r\n\r\n").await;
    assert!(matches!(answer, Err(PushError::Unreachable(EgressError::Redirected { status: 307, .. }))), "{answer:?}");
}

#[tokio::test]
async fn a_service_without_a_valid_certificate_gets_nothing() {
    let service = Service::start("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    let egress = Egress::new(EgressSettings::default()).unwrap();
    let sender = PushSender::new(egress, Arc::new(At(NOW)), Arc::new(Seeded::new(1)));
    let message = PushMessage::wake_up(MINUTE).unwrap();
    let answer = sender.send(&service.subscription(), &service.leases(), &message).await;
    assert!(matches!(answer, Err(PushError::Unreachable(EgressError::Tls(_)))), "{answer:?}");
    assert!(service.requests().is_empty());
}

#[test]
fn messages_respect_the_limits_of_push_services() {
    assert!(PushMessage::wake_up(LONGEST_TTL).is_ok());
    assert!(matches!(PushMessage::wake_up(LONGEST_TTL + Duration::from_secs(1)), Err(MessageError::Ttl)));
    assert!(PushMessage::with_content(MINUTE, vec![0; MAX_CONTENT], 0).is_ok());
    assert!(matches!(PushMessage::with_content(MINUTE, vec![0; MAX_CONTENT + 1], 0), Err(MessageError::TooLong)));
    assert!(matches!(PushMessage::with_content(MINUTE, vec![], MAX_CONTENT + 1), Err(MessageError::TooLong)));
    for topic in ["a", "A-Z_09", &"a".repeat(32)] {
        assert_eq!(topic.parse::<Topic>().unwrap().as_str(), topic);
    }
    for topic in ["", "a b", "a\r\nx: y", "\u{e9}", "a=", &"a".repeat(33)] {
        assert_eq!(topic.parse::<Topic>(), Err(MessageError::Topic), "{topic}");
    }
}
