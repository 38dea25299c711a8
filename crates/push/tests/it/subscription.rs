//! Subscriptions come from browsers, so they are untrusted.

use briefcase_egress::{AddressPolicy, TargetError};
use briefcase_push::{ContentError, Subscription, SubscriptionError};
use serde_json::{Value, json};

use crate::sample::vectors;

fn example(endpoint: &str) -> Value {
    let example = vectors("rfc8291.json");
    json!({
        "endpoint": endpoint,
        "expirationTime": 1_763_712_000_000.5,
        "keys": { "p256dh": example["p256dh"], "auth": example["auth"] },
    })
}

fn read(document: &Value, policy: AddressPolicy) -> Result<Subscription, SubscriptionError> {
    Subscription::read(document.to_string().as_bytes(), policy)
}

#[test]
fn a_subscription_names_its_push_service() {
    for (endpoint, audience) in [
        ("https://fcm.googleapis.com/fcm/send/abc:def", "https://fcm.googleapis.com"),
        ("https://updates.push.services.mozilla.com/wpush/v2/gAAA", "https://updates.push.services.mozilla.com"),
        ("https://web.push.apple.com:443/QAbc", "https://web.push.apple.com"),
        ("https://push.example:8443/a?b=c", "https://push.example:8443"),
    ] {
        let subscription = read(&example(endpoint), AddressPolicy::Public).unwrap();
        assert_eq!(subscription.audience(), audience);
    }
}

#[test]
fn unknown_members_are_ignored() {
    let mut document = example("https://push.example/a");
    document["options"] = json!({ "userVisibleOnly": true });
    document["keys"]["another"] = json!("x");
    document["expirationTime"] = Value::Null;
    assert!(read(&document, AddressPolicy::Public).is_ok());
}

#[test]
fn an_endpoint_must_be_a_public_https_address() {
    for endpoint in ["http://push.example/a", "ftp://push.example/a", "wss://push.example/a"] {
        let refused = read(&example(endpoint), AddressPolicy::Public);
        assert!(matches!(refused, Err(SubscriptionError::Endpoint(TargetError::Scheme))), "{endpoint}");
    }
    for endpoint in [
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://push.localhost/a",
        "https://[::1]/a",
        "https://10.0.0.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:192.168.0.1]/a",
        "https://0x7f.1/a",
        "https://2130706433/a",
    ] {
        let refused = read(&example(endpoint), AddressPolicy::Public);
        assert!(matches!(refused, Err(SubscriptionError::Endpoint(TargetError::OutOfReach(_)))), "{endpoint}");
    }
    for endpoint in
        ["https://a@push.example/a", "https:/push.example/a", "push.example", "", "https://push.example\\@x/"]
    {
        assert!(
            matches!(read(&example(endpoint), AddressPolicy::Public), Err(SubscriptionError::Endpoint(_))),
            "{endpoint}"
        );
    }
    assert!(read(&example("http://localhost:8080/a"), AddressPolicy::Loopback).is_ok(), "a test service, by choice");
    assert!(read(&example("https://push.example/a"), AddressPolicy::Loopback).is_err());
}

#[test]
fn malformed_subscriptions_are_rejected() {
    for member in ["/endpoint", "/keys", "/keys/p256dh", "/keys/auth"] {
        for other in [Value::Null, json!(7), json!(["x"])] {
            let mut document = example("https://push.example/a");
            *document.pointer_mut(member).unwrap() = other;
            assert!(matches!(read(&document, AddressPolicy::Public), Err(SubscriptionError::Form(_))), "{member}");
        }
    }
    let twice = br#"{"endpoint":"https://a.example/","endpoint":"https://b.example/","keys":{"p256dh":"","auth":""}}"#;
    let long = format!(r#"{{"endpoint":"https://a.example/{}"}}"#, "a".repeat(9000));
    for document in [&b""[..], b"[]", b"null", b"{", &[0xff], twice, long.as_bytes()] {
        assert!(matches!(Subscription::read(document, AddressPolicy::Public), Err(SubscriptionError::Form(_))));
    }
}

#[test]
fn keys_are_base64url_without_padding_of_the_right_length() {
    let keys = |p256dh: &str, auth: &str| {
        let mut document = example("https://push.example/a");
        document["keys"] = json!({ "p256dh": p256dh, "auth": auth });
        match read(&document, AddressPolicy::Public) {
            Err(SubscriptionError::Keys(error)) => Some(error),
            _ => None,
        }
    };
    let good = example("https://push.example/a");
    let (p256dh, auth) = (good["keys"]["p256dh"].as_str().unwrap(), good["keys"]["auth"].as_str().unwrap());
    assert_eq!(keys(p256dh, auth), None);
    assert_eq!(keys(&format!("{p256dh}="), auth), Some(ContentError::Point));
    assert_eq!(keys(&p256dh.replace(['-', '_'], "+"), auth), Some(ContentError::Point));
    assert_eq!(keys(p256dh, &format!("{auth}==")), Some(ContentError::Auth));
    assert_eq!(keys(p256dh, &auth[1..]), Some(ContentError::Auth));
}
