//! A sender uses exactly the leases it was given.

use std::time::Duration;

use briefcase_enclave_formats::vapid::VapidError;
use briefcase_push::{Lease, LeaseError, Leases};
use briefcase_types::UnixMillis;

use crate::sample::{Enclave, NOW, SUB, base64};

const AUD: &str = "https://push.example";
const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_lease_works_for_its_push_service_until_it_expires() {
    let enclave = Enclave::new(1);
    let lease = Lease::read(&enclave.lease(AUD, HOUR), AUD, NOW).unwrap();
    assert_eq!((lease.key(), lease.audience(), lease.expires()), (&enclave.raw, AUD, NOW.0 / 1000 + 3600));
    let mut leases = Leases::new(enclave.raw);
    leases.keep(lease).unwrap();
    assert!(leases.find(AUD, NOW.plus(HOUR - Duration::from_millis(1))).is_ok());
    assert!(matches!(leases.find(AUD, NOW.plus(HOUR)), Err(LeaseError::Missing(_))));
    assert!(matches!(leases.find("https://other.example", NOW), Err(LeaseError::Missing(_))));
    leases.sweep(NOW.plus(HOUR));
    assert!(leases.find(AUD, NOW).is_err(), "expired leases are removed");
}

#[test]
fn a_newer_lease_replaces_the_old_and_services_do_not_share() {
    let enclave = Enclave::new(1);
    let mut leases = Leases::new(enclave.raw);
    for (audience, ttl) in [(AUD, HOUR), ("https://other.example", HOUR), (AUD, 2 * HOUR)] {
        leases.keep(Lease::read(&enclave.lease(audience, ttl), audience, NOW).unwrap()).unwrap();
    }
    assert_eq!(leases.find(AUD, NOW).unwrap().expires(), NOW.0 / 1000 + 7200);
    assert_eq!(leases.find("https://other.example", NOW).unwrap().audience(), "https://other.example");
}

#[test]
fn a_lease_under_another_key_is_rejected() {
    let mut leases = Leases::new(Enclave::new(1).raw);
    let other = Lease::read(&Enclave::new(2).lease(AUD, HOUR), AUD, NOW).unwrap();
    assert!(matches!(leases.keep(other), Err(LeaseError::OtherKey)));
    assert!(leases.find(AUD, NOW).is_err());
}

#[test]
fn a_token_the_push_service_would_refuse_is_rejected_on_arrival() {
    let enclave = Enclave::new(1);
    let read = |authorization: &str| Lease::read(authorization, AUD, NOW);
    let token = |error: VapidError| move |refused: &LeaseError| format!("{refused}") == error.to_string();
    let elsewhere = read(&enclave.lease("https://other.example", HOUR)).err().unwrap();
    assert!(token(VapidError::Audience)(&elsewhere));
    let over = Lease::read(&enclave.lease(AUD, HOUR), AUD, NOW.plus(HOUR)).err().unwrap();
    assert!(token(VapidError::Expired)(&over));
    let early = Lease::read(&enclave.lease(AUD, 24 * HOUR), AUD, UnixMillis(NOW.0 - 1000)).err().unwrap();
    assert!(token(VapidError::Lease)(&early), "longer than a day from now");
    let claims = format!(r#"{{"aud":"{AUD}","exp":{},"sub":"{SUB}"}}"#, NOW.0 / 1000 + 25 * 3600);
    let header = base64(br#"{"alg":"ES256","typ":"JWT"}"#);
    let long = read(&enclave.signed(&format!("{header}.{}", base64(claims.as_bytes())))).err().unwrap();
    assert!(token(VapidError::Lease)(&long));
    let key = base64(&enclave.raw);
    let forged = enclave.lease(AUD, HOUR).replace(&key, &base64(&Enclave::new(2).raw));
    assert!(token(VapidError::Signature)(&read(&forged).err().unwrap()));
}

#[test]
fn other_formats_are_rejected() {
    let enclave = Enclave::new(1);
    let good = enclave.lease(AUD, HOUR);
    let token = good.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k=")).unwrap().0;
    let key = base64(&enclave.raw);
    for authorization in [
        String::new(),
        token.to_owned(),
        format!("WebPush {token}"),
        format!("Bearer {token}"),
        format!("vapid t={token}"),
        format!("vapid k={key}, t={token}"),
        format!("vapid t={token},k={key}"),
        format!("vapid t={token}, k={key}="),
        format!("vapid t={token}, k={}", &key[..80]),
        format!("vapid t={token}, k={key}\r\nX-More: 1"),
        format!("vapid t={token}, k={key}, k={key}"),
        format!("vapid t={}, k={key}", "a".repeat(5000)),
        format!("vapid t={token}, k={}", base64(&[4; 65])),
    ] {
        let refused = Lease::read(&authorization, AUD, NOW);
        assert!(matches!(refused, Err(LeaseError::Form(_))), "{authorization}");
    }
    for token in ["", ".", "..", "a.b", "a.b.c", &token[1..], &token[..token.len() - 1]] {
        assert!(Lease::read(&format!("vapid t={token}, k={key}"), AUD, NOW).is_err(), "{token}");
    }
}
