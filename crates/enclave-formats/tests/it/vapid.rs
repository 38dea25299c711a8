//! Leases.

use std::time::Duration;

use briefcase_enclave_formats::{
    Es256Public,
    vapid::{MOST, VapidClaims, VapidError, verify},
};

use p256::ecdsa::Signature;
use serde_json::Value;

use crate::sample::{Es256, base64, bytes, text, vectors};

const AUD: &str = "https://push.example";
const SUB: &str = "mailto:relay@example.org";
const NOW: u64 = 1_763_712_000;

fn token(key: &Es256, input: &str) -> String {
    format!("{input}.{}", base64(&key.sign(input.as_bytes())))
}

fn public(key: &Es256) -> Es256Public {
    Es256Public::from_raw(&key.raw).unwrap()
}

#[test]
fn the_signed_bytes_match_another_implementation() {
    let vectors = vectors();
    let case = &vectors["vapid"];
    let ttl = Duration::from_secs(case["ttl"].as_u64().unwrap());
    let claims =
        VapidClaims::lease(text(&case["aud"]), text(&case["sub"]), case["now"].as_u64().unwrap(), ttl).unwrap();
    assert_eq!(claims.signing_input().unwrap(), text(&case["input"]));
}

#[test]
fn a_lease_verifies_until_it_expires_for_its_audience_and_key() {
    let key = Es256::new(1);
    let claims = VapidClaims::lease(AUD, SUB, NOW, Duration::from_secs(60)).unwrap();
    let token = token(&key, &claims.signing_input().unwrap());
    assert_eq!(verify(&token, &public(&key), AUD, NOW).unwrap(), claims);
    assert!(verify(&token, &public(&key), AUD, NOW + 59).is_ok());
    assert!(matches!(verify(&token, &public(&key), AUD, NOW + 60), Err(VapidError::Expired)));
    assert!(matches!(verify(&token, &public(&key), "https://other.example", NOW), Err(VapidError::Audience)));
    assert!(matches!(verify(&token, &public(&Es256::new(2)), AUD, NOW), Err(VapidError::Signature)));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let longer = VapidClaims::lease(AUD, SUB, NOW, MOST).unwrap().signing_input().unwrap();
    let swapped = format!("{longer}.{signature}");
    assert!(matches!(verify(&swapped, &public(&key), AUD, NOW), Err(VapidError::Signature)));
    assert!(verify(header, &public(&key), AUD, NOW).is_err());
}

#[test]
fn a_lease_is_at_most_a_day_and_names_an_origin() {
    for ttl in [Duration::ZERO, Duration::from_millis(900), MOST + Duration::from_secs(1), Duration::MAX] {
        assert!(matches!(VapidClaims::lease(AUD, SUB, NOW, ttl), Err(VapidError::Lease)), "{ttl:?}");
    }
    for aud in [
        "",
        "push.example",
        "http://push.example",
        "https://push.example/",
        "https://PUSH.example",
        "https://a@b",
        "https://",
    ] {
        assert!(matches!(VapidClaims::lease(aud, SUB, NOW, MOST), Err(VapidError::Audience)), "{aud}");
    }
    for sub in ["", "relay@example.org", "mailto:", "javascript:alert(1)", "mailto:a b@example.org", "mailto:a\n"] {
        assert!(matches!(VapidClaims::lease(AUD, sub, NOW, MOST), Err(VapidError::Subject)), "{sub}");
    }
}

#[test]
fn a_signed_token_beyond_the_lease_rules_is_rejected() {
    let key = Es256::new(1);
    let signed = |header: &str, claims: &str| {
        token(&key, &format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes())))
    };
    let header = r#"{"alg":"ES256","typ":"JWT"}"#;
    let claims = |exp: u64| format!(r#"{{"aud":"{AUD}","exp":{exp},"sub":"{SUB}"}}"#);
    let check = |token: &str| verify(token, &public(&key), AUD, NOW);
    assert!(check(&signed(header, &claims(NOW + 60))).is_ok());
    assert!(matches!(check(&signed(header, &claims(NOW + MOST.as_secs() + 1))), Err(VapidError::Lease)));
    assert!(check(&signed(r#"{"typ":"JWT","alg":"ES256"}"#, &claims(NOW + 60))).is_ok(), "the order of RFC 8292");
    for other in [
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"alg": "ES256","typ":"JWT"}"#,
        r#"{"alg":"ES256","typ":"JWT","crit":["x"]}"#,
        r#"{"alg":"ES256","alg":"none","typ":"JWT"}"#,
    ] {
        assert!(matches!(check(&signed(other, &claims(NOW + 60))), Err(VapidError::Form(_))), "{other}");
    }
    assert!(check(&signed(header, &format!(r#"{{"aud":"{AUD}","exp":{},"nbf":0,"sub":"{SUB}"}}"#, NOW + 60))).is_err());
}

#[test]
fn the_example_of_rfc_8292_verifies() {
    let vectors: Value = serde_json::from_str(include_str!("../../../../vectors/push/rfc8292.json")).unwrap();
    let key = Es256Public::from_raw(&bytes(&vectors["key"]).try_into().unwrap()).unwrap();
    let (token, aud, exp) = (text(&vectors["token"]), text(&vectors["aud"]), vectors["exp"].as_u64().unwrap());
    let claims = verify(token, &key, aud, exp - 1).unwrap();
    assert!(matches!(verify(token, &key, aud, exp), Err(VapidError::Expired)));
    let ours = VapidClaims::lease(aud, text(&vectors["sub"]), exp - 60, Duration::from_secs(60)).unwrap();
    assert_eq!(claims, ours);
    let part = |input: &str| input.split('.').nth(1).unwrap().to_owned();
    assert_eq!(part(&ours.signing_input().unwrap()), part(token), "our claims are written as the example's");
}

#[test]
fn a_der_signature_is_rejected() {
    let key = Es256::new(1);
    let input = VapidClaims::lease(AUD, SUB, NOW, Duration::from_secs(60)).unwrap().signing_input().unwrap();
    let plain = Signature::from_slice(&key.sign(input.as_bytes())).unwrap();
    let der = plain.to_der();
    let token = |signature: &[u8]| format!("{input}.{}", base64(signature));
    assert!(matches!(verify(&token(der.as_bytes()), &public(&key), AUD, NOW), Err(VapidError::Signature)));
    let back = Signature::from_der(der.as_bytes()).unwrap();
    assert!(verify(&token(&back.to_bytes()), &public(&key), AUD, NOW).is_ok());
}
