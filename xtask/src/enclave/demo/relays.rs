//! Relays: they store addresses and leases, and can use them freely until these expire.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::http::{Answer, Asked};
use super::push_sender::PushSender;

const NAMES: [&str; 2] = ["north", "south"];

pub struct Relays {
    push_sender: PushSender,
    /// Per relay: every subscription with its lease, newest last.
    held: Mutex<BTreeMap<String, Vec<(Value, String)>>>,
}

impl Relays {
    pub fn new(push_sender: PushSender) -> Self {
        Self { push_sender, held: Mutex::default() }
    }

    /// `POST /NAME` registers a subscription and a lease; `POST /NAME/send` sends to all registered ones.
    pub fn answer(&self, asked: &Asked) -> Answer {
        let mut parts = asked.path.split('/').skip(1);
        let (name, what) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if asked.method != "POST" || !NAMES.contains(&name) {
            return Answer::refused(404, "there is no such relay");
        }
        match what {
            "" => self.keep(name, &asked.json()),
            "send" => self.send(name, &asked.json()),
            _ => Answer::refused(404, "a relay does not do that"),
        }
    }

    fn keep(&self, name: &str, body: &Value) -> Answer {
        let authorization = body.get("authorization").and_then(Value::as_str);
        let (Some(subscription), Some(authorization)) = (body.get("subscription"), authorization) else {
            return Answer::refused(400, "a relay needs a subscription and a lease");
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.entry(name.to_owned()).or_default().push((subscription.clone(), authorization.to_owned()));
        Answer::new(200, json!({}))
    }

    /// `subscription` in the request is an address that the relay found elsewhere: it tries its newest lease on it.
    fn send(&self, name: &str, body: &Value) -> Answer {
        let text = body.get("text").and_then(Value::as_str).unwrap_or("wake up");
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default();
        let learnt = body.get("subscription").cloned().zip(held.last().map(|(_, lease)| lease.clone()));
        let tried = held.into_iter().rev().take(1).chain(learnt);
        let sent: Vec<Value> = tried.map(|(subscription, lease)| self.one(&subscription, &lease, text)).collect();
        Answer::new(200, json!({ "sent": sent }))
    }

    fn one(&self, subscription: &Value, authorization: &str, text: &str) -> Value {
        let endpoint = subscription.get("endpoint").and_then(Value::as_str).unwrap_or_default();
        let local = endpoint.starts_with("http://push.briefcase.localhost:");
        self.push_sender.ask(&json!({
            "do": "send", "subscription": subscription, "authorization": authorization, "ttl": 60, "text": text, "local": local,
        }))
    }
}
