//! A stand-in for a push service, as strict as the real ones. A message needs a valid lease for this origin, signed by
//! the key of its subscription. The service cannot read any message.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::http::{Answer, Asked};
use super::push_sender::PushSender;

/// The maximum time that a browser's poll stays open.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(15);
const MOST: usize = 100;

struct Subscription {
    /// The application server's key in base64url, from the browser.
    key: String,
    gone: bool,
    messages: Vec<String>,
}

pub struct PushService {
    origin: String,
    push_sender: PushSender,
    subscriptions: Mutex<BTreeMap<String, Subscription>>,
    news: Condvar,
}

impl PushService {
    pub fn new(origin: &str, push_sender: PushSender) -> Self {
        Self { origin: origin.to_owned(), push_sender, subscriptions: Mutex::default(), news: Condvar::new() }
    }

    pub fn answer(&self, asked: &Asked) -> Answer {
        let mut parts = asked.path.split('/').skip(1);
        match (asked.method.as_str(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
            ("POST", "subscribe", _) => self.subscribe(&asked.json()),
            ("POST", "unsubscribe", id) => self.unsubscribe(id),
            ("POST", "send", id) => self.send(id, asked),
            ("GET", "messages", id) => self.messages(id, asked.query.parse().unwrap_or(0)),
            _ => Answer::refused(404, "there is nothing here"),
        }
    }

    fn subscribe(&self, body: &Value) -> Answer {
        let Some(key) = body.get("applicationServerKey").and_then(Value::as_str) else {
            return Answer::refused(400, "no applicationServerKey");
        };
        let mut subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if subscriptions.len() >= MOST {
            return Answer::refused(429, "too many subscriptions");
        }
        let id = format!("{}", subscriptions.len() + 1);
        let endpoint = format!("{}/send/{id}", self.origin);
        subscriptions.insert(id, Subscription { key: key.to_owned(), gone: false, messages: Vec::new() });
        Answer::new(201, json!({ "endpoint": endpoint }))
    }

    fn unsubscribe(&self, id: &str) -> Answer {
        let mut subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(subscription) = subscriptions.get_mut(id) {
            subscription.gone = true;
        }
        self.news.notify_all();
        Answer::new(200, json!({}))
    }

    fn send(&self, id: &str, asked: &Asked) -> Answer {
        let request = json!({ "do": "lease", "authorization": asked.header("authorization"), "audience": self.origin });
        let lease = self.push_sender.ask(&request);
        let mut subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(subscription) = subscriptions.get_mut(id) else {
            return Answer::refused(404, "no such subscription");
        };
        if subscription.gone {
            return Answer::refused(410, "the browser has unsubscribed");
        }
        let Some(key) = lease.get("key").and_then(Value::as_str) else {
            let why = lease.get("message").and_then(Value::as_str).unwrap_or("no lease");
            return Answer::refused(401, why);
        };
        if key != subscription.key {
            return Answer::refused(403, "the lease is under another key than the subscription");
        }
        if asked.header("ttl").is_empty() || subscription.messages.len() >= MOST {
            return Answer::refused(400, "no TTL, or too many messages");
        }
        subscription.messages.push(URL_SAFE_NO_PAD.encode(&asked.body));
        self.news.notify_all();
        Answer::new(201, json!({}))
    }

    /// Returns the messages from this one on. Waits for the next one when there are no others.
    fn messages(&self, id: &str, from: usize) -> Answer {
        let subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |all: &mut BTreeMap<String, Subscription>| {
            all.get(id).is_some_and(|subscription| !subscription.gone && subscription.messages.len() <= from)
        };
        let waited = self.news.wait_timeout_while(subscriptions, SUBSCRIBE_TIMEOUT, none);
        let (subscriptions, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match subscriptions.get(id) {
            None => Answer::refused(404, "no such subscription"),
            Some(subscription) => {
                let messages: Vec<&String> = subscription.messages.iter().skip(from).collect();
                Answer::new(200, json!({ "messages": messages, "gone": subscription.gone }))
            }
        }
    }
}
