//! The peer for the browser tests: the daemon's Rust code with keys in memory, one command a line.
//!
//! A line is a command and its parts: words, and bytes as `0x…`. The response is `ok` and bytes, or `no` and the
//! reason. `cargo xtask enclave test` runs it; `web/enclave/test/peer.ts` sends the commands.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, Read as _, Write as _};

use briefcase_enclave_formats::{Es256Public, approval, audit, vapid};
use briefcase_ratchet::{
    AgreementMode, HandshakeOptions, IdentityCard, LastResort, LocalIdentity, PrekeyBundle, Prekeys, RatchetSession,
    ResponderPolicy, SoftKeys, accept, initiate, now, safety_number,
};
use briefcase_types::{Digest, Entropy, UnixMillis};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The system's random bytes.
struct System;

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        let filled = File::open("/dev/urandom").and_then(|mut source| source.read_exact(bytes));
        assert!(filled.is_ok(), "no random bytes");
    }
}

struct Peer {
    identity: LocalIdentity<SoftKeys>,
    prekeys: Option<Prekeys>,
    sessions: Vec<RatchetSession>,
}

/// The parts of a command, in order.
struct Parts<'a>(std::str::SplitWhitespace<'a>);

impl Parts<'_> {
    fn word(&mut self) -> Outcome<&str> {
        Ok(self.0.next().ok_or("the command has too few parts")?)
    }

    fn bytes(&mut self) -> Outcome<Vec<u8>> {
        let digits = self.word()?.strip_prefix("0x").ok_or("the part is not bytes")?;
        let pairs = digits.as_bytes().chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
        pairs.collect()
    }

    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        Ok(self.bytes()?.try_into().map_err(|_| "the part has the wrong length")?)
    }

    fn text(&mut self) -> Outcome<String> {
        Ok(String::from_utf8(self.bytes()?)?)
    }

    fn flag(&mut self) -> Outcome<bool> {
        Ok(self.word()? == "yes")
    }

    /// Milliseconds since 1970.
    fn time(&mut self) -> Outcome<u64> {
        Ok(self.word()?.parse()?)
    }

    fn place(&mut self) -> Outcome<usize> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }
}

impl Peer {
    fn new() -> Outcome<Self> {
        Ok(Self { identity: LocalIdentity::generate(&System)?, prekeys: None, sessions: Vec::new() })
    }

    fn run(&mut self, line: &str) -> Outcome<Vec<Vec<u8>>> {
        let mut parts = Parts(line.split_whitespace());
        match parts.word()?.to_owned().as_str() {
            "card" => Ok(vec![self.identity.card().to_bytes()]),
            "safety" => {
                let other = IdentityCard::from_bytes(&parts.bytes()?)?;
                Ok(vec![safety_number(self.identity.card(), &other).into_bytes()])
            }
            "prekeys" => self.make_prekeys(parts.word()?.parse()?),
            "initiate" => self.begin(&mut parts),
            "accept" => self.answer(&mut parts),
            "encrypt" => self.encrypt(&mut parts),
            "decrypt" => self.decrypt(&mut parts),
            "audit" => check_audit(&mut parts),
            "vapid" => check_vapid(&mut parts),
            "approval" => check_approval(&mut parts),
            other => Err(format!("unknown command {other}").into()),
        }
    }

    fn make_prekeys(&mut self, one_time: usize) -> Outcome<Vec<Vec<u8>>> {
        let made = now(Prekeys::make(&self.identity, one_time, LastResort::Made, &System))
            .ok_or("the operation is pending")??;
        let (prekeys, published) = made.into_parts();
        self.prekeys = Some(prekeys);
        let bundles = published.bundles.iter().map(PrekeyBundle::to_bytes);
        Ok(std::iter::once(published.last_resort.to_bytes()).chain(bundles).collect())
    }

    fn begin(&mut self, parts: &mut Parts<'_>) -> Outcome<Vec<Vec<u8>>> {
        let bundle = PrekeyBundle::verify(&parts.bytes()?)?;
        let mode = if parts.word()? == "x3dh" { AgreementMode::X3dh } else { AgreementMode::Pqxdh };
        let options = HandshakeOptions { mode, hide_headers: parts.flag()? };
        let session = now(initiate(&self.identity, &bundle, options, &System)).ok_or("the operation is pending")??;
        let peer = session.peer().to_bytes();
        Ok(vec![self.keep(session)?, peer])
    }

    fn answer(&mut self, parts: &mut Parts<'_>) -> Outcome<Vec<Vec<u8>>> {
        let message = parts.bytes()?;
        let policy = ResponderPolicy { allow_x3dh: parts.flag()? };
        let associated = parts.bytes()?;
        let prekeys = self.prekeys.as_ref().ok_or("no prekeys were generated")?;
        let done = now(accept(&self.identity, prekeys, &message, &associated, policy, &System))
            .ok_or("the operation is pending")??;
        let (accepted, plaintext) = done.into_parts();
        self.prekeys = Some(accepted.prekeys);
        Ok(vec![self.keep(accepted.session)?, plaintext.to_vec()])
    }

    fn encrypt(&mut self, parts: &mut Parts<'_>) -> Outcome<Vec<Vec<u8>>> {
        let session = self.session(parts)?;
        let (next, message) = session.encrypt(&parts.bytes()?, &parts.bytes()?, &System)?.into_parts();
        *session = next;
        Ok(vec![message])
    }

    fn decrypt(&mut self, parts: &mut Parts<'_>) -> Outcome<Vec<Vec<u8>>> {
        let session = self.session(parts)?;
        let (next, plaintext) = session.decrypt(&parts.bytes()?, &parts.bytes()?, &System)?.into_parts();
        *session = next;
        Ok(vec![plaintext.to_vec()])
    }

    fn keep(&mut self, session: RatchetSession) -> Outcome<Vec<u8>> {
        let place = u16::try_from(self.sessions.len())?;
        self.sessions.push(session);
        Ok(place.to_be_bytes().to_vec())
    }

    fn session(&mut self, parts: &mut Parts<'_>) -> Outcome<&mut RatchetSession> {
        Ok(self.sessions.get_mut(parts.place()?).ok_or("unknown session")?)
    }
}

fn check_audit(parts: &mut Parts<'_>) -> Outcome<Vec<Vec<u8>>> {
    let (key, head, signature) = (parts.array()?, parts.bytes()?, parts.array()?);
    let previous = Digest::from_bytes(parts.array()?);
    let mut entries = Vec::new();
    while let Ok(entry) = parts.bytes() {
        entries.push(entry);
    }
    audit::verify(&key, &head, &signature, previous, entries.iter().map(Vec::as_slice))?;
    Ok(Vec::new())
}

fn check_vapid(parts: &mut Parts<'_>) -> Outcome<Vec<Vec<u8>>> {
    let (token, key, audience) = (parts.text()?, Es256Public::from_raw(&parts.array()?)?, parts.text()?);
    vapid::verify(&token, &key, &audience, parts.time()? / 1000)?;
    Ok(Vec::new())
}

fn check_approval(parts: &mut Parts<'_>) -> Outcome<Vec<Vec<u8>>> {
    let (document, signature, key) = (parts.bytes()?, parts.bytes()?, parts.array()?);
    approval::verify(&document, &signature, &key, UnixMillis(parts.time()?))?;
    Ok(Vec::new())
}

fn shown(answers: &[Vec<u8>]) -> String {
    answers.iter().fold("ok".to_owned(), |mut line, answer| {
        line.push_str(" 0x");
        for byte in answer {
            let _ = write!(line, "{byte:02x}");
        }
        line
    })
}

fn main() -> Outcome<()> {
    let mut peer = Peer::new()?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        match peer.run(&line?) {
            Ok(answers) => writeln!(out, "{}", shown(&answers))?,
            Err(why) => writeln!(out, "no {why}")?,
        }
        out.flush()?;
    }
    Ok(())
}
