//! Web Push for programs in other languages: one JSON request per line in, one JSON answer per line out.
//! `cargo run -p briefcase-push --example push`
//!
//! | request | answer |
//! |---|---|
//! | `{do: "send", subscription, authorization, ttl, urgency?, topic?, text?, at_least?, local?, roots?}` | `{kept}` |
//! | `{do: "seal", p256dh, auth, content, at_least?}` | `{body}` |
//! | `{do: "open", secret, auth, body}` | `{content}` |
//! | `{do: "lease", authorization, audience}` | `{key, expires}` |
//! | `{do: "stand-in", name}` | `{root, certificate, key}`: a root for `roots`, and the certificate of a test service
//! (PEM) |
//!
//! Or `{error, message}`. Bytes are base64url. Without `text` the message is a wake-up without content. `local` allows
//! endpoints on this machine only, for test push services. `roots` are DER certificates to trust in addition to the
//! public ones.

use std::{
    error::Error,
    io::{BufRead as _, Write as _},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_egress::{AddressPolicy, CertificateDer, Egress, EgressSettings};
use briefcase_push::{
    Lease, Leases, PushError, PushMessage, PushSender, PushUrgency, Receiver, Subscription, SubscriptionKeys,
};
use briefcase_types::{Clock, Entropy, UnixMillis};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde::Deserialize;
use serde_json::{Value, json};

type Outcome = Result<Value, Box<dyn Error>>;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Asked {
    Send(Box<Send>),
    Seal {
        p256dh: String,
        auth: String,
        content: String,
        #[serde(default)]
        at_least: usize,
    },
    Open {
        secret: String,
        auth: String,
        body: String,
    },
    Lease {
        authorization: String,
        audience: String,
    },
    #[serde(rename = "stand-in")]
    StandIn {
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    subscription: Value,
    authorization: String,
    ttl: u64,
    urgency: Option<String>,
    topic: Option<String>,
    text: Option<String>,
    #[serde(default)]
    at_least: usize,
    #[serde(default)]
    local: bool,
    #[serde(default)]
    roots: Vec<String>,
}

struct Machine;

impl Clock for Machine {
    #[expect(clippy::disallowed_methods, reason = "a separate program reads the clock here")]
    fn now(&self) -> UnixMillis {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Entropy for Machine {
    fn fill(&self, bytes: &mut [u8]) {
        // Zeros are not a key: sealing with them fails.
        if getrandom::fill(bytes).is_err() {
            bytes.fill(0);
        }
    }
}

impl Send {
    fn message(&self) -> Result<PushMessage, Box<dyn Error>> {
        let ttl = Duration::from_secs(self.ttl);
        let mut message = match &self.text {
            Some(text) => PushMessage::with_content(ttl, text.as_bytes().to_vec(), self.at_least)?,
            None => PushMessage::wake_up(ttl)?,
        };
        message = message.urgency(match self.urgency.as_deref() {
            Some("very-low") => PushUrgency::VeryLow,
            Some("low") => PushUrgency::Low,
            Some("high") => PushUrgency::High,
            Some("normal") | None => PushUrgency::Normal,
            Some(_) => return Err("urgency is very-low, low, normal or high".into()),
        });
        Ok(match &self.topic {
            Some(topic) => message.topic(topic.parse()?),
            None => message,
        })
    }

    async fn run(&self) -> Outcome {
        let policy = if self.local { AddressPolicy::Loopback } else { AddressPolicy::Public };
        let subscription = Subscription::read(self.subscription.to_string().as_bytes(), policy)?;
        let lease = Lease::read(&self.authorization, &subscription.audience(), Machine.now())?;
        let mut leases = Leases::new(*lease.key());
        leases.keep(lease)?;
        let roots = self.roots.iter().map(|root| Ok(CertificateDer::from(bytes(root)?)));
        let roots = roots.collect::<Result<_, Box<dyn Error>>>()?;
        let egress = Egress::new(EgressSettings { roots, ..EgressSettings::default() })?;
        let sender = PushSender::new(egress, Arc::new(Machine), Arc::new(Machine));
        let sent = sender.send(&subscription, &leases, &self.message()?).await?;
        Ok(json!({ "kept": sent.kept.map(|kept| kept.as_secs()) }))
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

async fn answer(line: &str) -> Outcome {
    match serde_json::from_str(line)? {
        Asked::Send(send) => send.run().await,
        Asked::Seal { p256dh, auth, content, at_least } => {
            let (keys, content) = (SubscriptionKeys::from_raw(&bytes(&p256dh)?, &bytes(&auth)?)?, bytes(&content)?);
            let body = keys.seal(&content, at_least.saturating_sub(content.len()), &Machine)?;
            Ok(json!({ "body": URL_SAFE_NO_PAD.encode(body) }))
        }
        Asked::Open { secret, auth, body } => {
            let opened = Receiver::from_raw(&bytes(&secret)?, &bytes(&auth)?)?.open(&bytes(&body)?)?;
            Ok(json!({ "content": URL_SAFE_NO_PAD.encode(&*opened) }))
        }
        Asked::Lease { authorization, audience } => {
            let lease = Lease::read(&authorization, &audience, Machine.now())?;
            Ok(json!({ "key": URL_SAFE_NO_PAD.encode(lease.key()), "expires": lease.expires() }))
        }
        Asked::StandIn { name } => stand_in(name),
    }
}

/// Makes a certificate for a test push service, under a root that only the caller trusts.
fn stand_in(name: String) -> Outcome {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec![name])?.signed_by(&key, &root)?;
    Ok(json!({ "root": URL_SAFE_NO_PAD.encode(root.der()), "certificate": leaf.pem(), "key": key.serialize_pem() }))
}

/// The kinds of error that a caller distinguishes.
fn kind(error: &(dyn Error + 'static)) -> &'static str {
    match error.downcast_ref::<PushError>() {
        Some(PushError::Gone(_)) => "gone",
        Some(PushError::TooLarge) => "too_large",
        Some(PushError::Later { .. }) => "later",
        Some(PushError::Unauthorized { .. }) => "unauthorized",
        Some(PushError::Refused { .. }) => "refused",
        Some(PushError::Unreachable(_)) => "unreachable",
        _ => "invalid",
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let answer = answer(&line?).await;
        let answer = answer.unwrap_or_else(|error| json!({ "error": kind(&*error), "message": error.to_string() }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
