//! Certificates accepted for a name.

use std::{net::SocketAddr, sync::Arc};

use briefcase_egress::{AddressPolicy, CertificateDer, EgressError, SystemResolver};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::stage::{client, fetch};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for `name` that is valid until the year.
async fn serve(authority: &Authority, name: &str, until: i32) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let chain = vec![params.signed_by(&key, authority).unwrap().der().clone()];
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _head = stream.read(&mut [0; 4096]).await;
            stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
    });
    address
}

async fn outcome(address: SocketAddr, roots: Vec<CertificateDer<'static>>) -> Result<bytes::Bytes, EgressError> {
    let url = format!("https://localhost:{}/", address.port());
    fetch(&client(&url, AddressPolicy::Loopback, Arc::new(SystemResolver), roots)).await
}

#[tokio::test]
async fn an_added_root_is_trusted_for_its_names() {
    let authority = authority();
    let root = vec![authority.der().clone()];
    assert_eq!(outcome(serve(&authority, "localhost", 2090).await, root).await.unwrap(), "ok");
}

#[tokio::test]
async fn attack_45_other_certificates_are_rejected() {
    let (known, stranger) = (authority(), authority());
    let roots = || vec![known.der().clone()];
    let cases = [
        ("unknown authority", serve(&stranger, "localhost", 2090).await),
        ("another name", serve(&known, "other.example", 2090).await),
        ("expired", serve(&known, "localhost", 2021).await),
    ];
    for (case, address) in cases {
        let outcome = outcome(address, roots()).await;
        assert!(matches!(outcome, Err(EgressError::Tls(_))), "{case}: {outcome:?}");
    }
}

#[tokio::test]
async fn plain_text_in_place_of_tls_is_an_error() {
    let (address, _) = crate::stage::serve("HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n").await;
    assert!(matches!(outcome(address, vec![]).await, Err(EgressError::Tls(_))));
}
