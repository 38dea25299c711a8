//! The listener for relays, push service and tampering: the host name of a request selects the service.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::Addresses;
use super::http::{Answer, Asked};
use super::push_sender::PushSender;
use super::push_service::PushService;
use super::relays::Relays;
use super::tampering::Tampering;
use crate::failure::Failure;

pub struct Services {
    /// The only page with access, except for the delivery of messages.
    app: String,
    push: PushService,
    relays: Relays,
    tampering: Tampering,
}

/// Listens on the port after that of the demo, or on any.
pub fn bind(port: u16) -> Result<TcpListener, Failure> {
    let next = port.checked_add(1).and_then(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    match next {
        Some(listener) => Ok(listener),
        None => Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
    }
}

/// Serves in the background until the process ends.
pub fn start(listener: TcpListener, services: Arc<Services>) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let services = Arc::clone(&services);
            std::thread::spawn(move || {
                // A client that disconnects does not affect the others.
                let _ = services.serve(&stream);
            });
        }
    });
}

impl Services {
    pub fn new(at: &Addresses, program: PathBuf, kms: PathBuf) -> Result<Self, Failure> {
        Ok(Self {
            app: at.app.clone(),
            push: PushService::new(&at.push, PushSender::start(&program)?),
            relays: Relays::new(PushSender::start(&program)?),
            tampering: Tampering::new(kms),
        })
    }

    fn serve(&self, stream: &TcpStream) -> Result<(), Failure> {
        let asked = Asked::read(stream)?;
        self.answer(&asked).send(stream, &self.app)
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let sends = asked.host.starts_with("push.") && asked.path.starts_with("/send/");
        if !sends && asked.header("origin") != self.app {
            return Answer::refused(403, "only the demo's own page may ask this");
        }
        if asked.method == "OPTIONS" {
            return Answer::new(200, json!({}));
        }
        match asked.host.split('.').next().unwrap_or_default() {
            "push" => self.push.answer(asked),
            "relay" => match asked.path.strip_prefix("/cheat/") {
                Some(what) if asked.method == "POST" => self.tampering.answer(what),
                _ => self.relays.answer(asked),
            },
            _ => Answer::refused(404, "no such service"),
        }
    }
}
