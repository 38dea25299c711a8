//! Addresses a connection may go to.

use std::sync::{Arc, Mutex, atomic::Ordering};

use briefcase_egress::{AddressPolicy, EgressError};

use crate::stage::{Told, client, fetch, serve};

fn told(answers: &[&[&str]]) -> Arc<Told> {
    let lists = answers.iter().map(|list| list.iter().map(|text| text.parse().unwrap()).collect()).collect();
    Arc::new(Told(Mutex::new(lists)))
}

#[tokio::test]
async fn attack_44_a_name_with_an_internal_address_is_rejected() {
    let (address, connections) = serve("HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("https://innocent.example:{}/", address.port());
    for inside in [
        &["127.0.0.1"][..],
        &["1.1.1.1", "127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["169.254.169.254"],
    ] {
        for policy in [AddressPolicy::Public, AddressPolicy::Private] {
            let outcome = fetch(&client(&url, policy, told(&[inside]), vec![])).await;
            assert!(matches!(outcome, Err(EgressError::Forbidden(_))), "{inside:?}: {outcome:?}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0, "no packet went to an internal address");
}

#[tokio::test]
async fn attack_44_every_new_connection_is_vetted_anew() {
    // A documentation address first, this machine second. Neither result may be used.
    let client =
        client("https://rebinding.example:1/", AddressPolicy::Public, told(&[&["192.0.2.1"], &["127.0.0.1"]]), vec![]);
    assert!(matches!(fetch(&client).await, Err(EgressError::Forbidden(_))));
    assert!(matches!(fetch(&client).await, Err(EgressError::Forbidden(_))));
}

#[tokio::test]
async fn localhost_is_never_sent_to_a_resolver() {
    let (address, _) = serve("HTTP/1.1 200 x\r\ncontent-length: 2\r\n\r\nok").await;
    let resolver = told(&[&["1.1.1.1"]]);
    let url = format!("http://api.localhost:{}/", address.port());
    assert_eq!(fetch(&client(&url, AddressPolicy::Loopback, resolver.clone(), vec![])).await.unwrap(), "ok");
    assert_eq!(resolver.0.lock().unwrap().len(), 1, "no query for localhost");
}

#[tokio::test]
async fn a_name_without_addresses_has_a_clear_error() {
    let outcome = fetch(&client("https://nowhere.example/", AddressPolicy::Public, told(&[]), vec![])).await;
    assert!(matches!(outcome, Err(EgressError::Unresolved(_))), "{outcome:?}");
}
