//! A test push service with given responses and recorded requests.

use std::sync::{Arc, Mutex};

use briefcase_egress::{AddressPolicy, CertificateDer, Egress, EgressSettings};
use briefcase_push::{Lease, Leases, PushSender, Receiver, Subscription};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::sample::{At, Enclave, NOW, Seeded, base64};

const AUTH: [u8; 16] = [5; 16];

/// A received request.
#[derive(Clone)]
pub struct Got {
    pub head: String,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

pub struct Service {
    pub origin: String,
    pub got: Arc<Mutex<Vec<Got>>>,
    pub receiver: Receiver,
    pub enclave: Enclave,
    root: CertificateDer<'static>,
}

impl Service {
    /// Answers every request with this head.
    pub async fn start(answer: &str) -> Self {
        let (acceptor, root) = authority();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let got = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (answer.to_owned(), Arc::clone(&got));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let (answer, seen) = (answer.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    while let Some(request) = read(&mut stream).await {
                        seen.lock().unwrap().push(request);
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self { origin, got, receiver: Receiver::from_raw(&[3; 32], &AUTH).unwrap(), enclave: Enclave::new(1), root }
    }

    pub fn subscription(&self) -> Subscription {
        let document = json!({
            "endpoint": format!("{}/push/one?two", self.origin),
            "keys": { "p256dh": base64(self.receiver.p256dh()), "auth": base64(&AUTH) },
        });
        Subscription::read(document.to_string().as_bytes(), AddressPolicy::Loopback).unwrap()
    }

    /// A lease for this service.
    pub fn leases(&self) -> Leases {
        let mut leases = Leases::new(self.enclave.raw);
        let authorization = self.enclave.lease(&self.origin, std::time::Duration::from_mins(10));
        leases.keep(Lease::read(&authorization, &self.origin, NOW).unwrap()).unwrap();
        leases
    }

    pub fn sender(&self) -> PushSender {
        let egress =
            Egress::new(EgressSettings { roots: vec![self.root.clone()], ..EgressSettings::default() }).unwrap();
        PushSender::new(egress, Arc::new(At(NOW)), Arc::new(Seeded::new(9)))
    }

    pub fn requests(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

fn authority() -> (TlsAcceptor, CertificateDer<'static>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), issuer.der().clone())
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Got> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut got = Got { head, body: Vec::new() };
    got.body = vec![0; got.header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut got.body).await.ok()?;
    Some(got)
}
