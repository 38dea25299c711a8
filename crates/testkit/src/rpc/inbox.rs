//! Received messages, and the tasks that wait for them.

use std::sync::Mutex;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{RequestHandler, bounded};

#[derive(Default)]
struct Inbound {
    answers: Vec<Value>,
    notifications: Vec<Value>,
    requests: Vec<Value>,
    raw: Vec<u8>,
    closed: Option<String>,
}

/// Messages from the server.
#[derive(Default)]
pub struct Inbox {
    came: Mutex<Inbound>,
    more: Notify,
    server: Mutex<Option<RequestHandler>>,
}

impl Inbox {
    /// Sets the handler for the server's requests.
    pub fn answer_with(&self, server: RequestHandler) {
        *self.server.lock().expect("not poisoned") = Some(server);
    }

    /// Stores one message. Returns the response to send, if the message is a request with a handler.
    pub fn take(&self, bytes: &[u8]) -> Option<Value> {
        let message: Value = serde_json::from_slice(bytes).unwrap_or_else(|_| json!({ "unreadable": bytes }));
        let mut reply = None;
        {
            let mut came = self.came.lock().expect("not poisoned");
            came.raw.extend_from_slice(bytes);
            came.raw.push(b'\n');
            let (is_request, is_answer) = (message.get("method").is_some(), message.get("id").is_some());
            match (is_request, is_answer) {
                (true, true) => came.requests.push(message.clone()),
                (true, false) => came.notifications.push(message.clone()),
                _ => came.answers.push(message.clone()),
            }
            if is_request && is_answer {
                let server = self.server.lock().expect("not poisoned");
                let result = server.as_ref().and_then(|server| server(&message));
                reply = result.map(|result| json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
            }
        }
        self.more.notify_waiters();
        reply
    }

    /// Marks the connection as closed.
    pub fn close(&self, why: &str) {
        self.came.lock().expect("not poisoned").closed.get_or_insert_with(|| why.to_owned());
        self.more.notify_waiters();
    }

    /// The response with this id. A response without an id counts when no other can come.
    pub async fn answer(&self, id: &Value, told: &str) -> Value {
        let what = format!("answer to request {id} ({told})");
        bounded(
            &what,
            self.wait(|came| {
                let mut answers = came.answers.iter();
                answers.find(|answer| answer.get("id") == Some(id)).cloned()
            }),
        )
        .await
        .unwrap_or_else(|why| panic!("no {what}: {why}"))
    }

    /// The `n`-th notification of a method.
    pub async fn notification(&self, method: &str, n: usize, told: &str) -> Value {
        let what = format!("notification {n} of {method} ({told})");
        bounded(
            &what,
            self.wait(|came| {
                let mut of = came.notifications.iter().filter(|message| message["method"] == method);
                of.nth(n).cloned()
            }),
        )
        .await
        .unwrap_or_else(|why| panic!("no {what}: {why}"))
    }

    /// Waits for a received item. The error says why it cannot arrive any more.
    async fn wait<T>(&self, look: impl Fn(&Inbound) -> Option<T>) -> Result<T, String> {
        loop {
            let more = self.more.notified();
            tokio::pin!(more);
            more.as_mut().enable();
            {
                let came = self.came.lock().expect("not poisoned");
                if let Some(found) = look(&came) {
                    return Ok(found);
                }
                if let Some(why) = &came.closed {
                    return Err(why.clone());
                }
            }
            more.await;
        }
    }

    pub fn notifications(&self) -> Vec<Value> {
        self.came.lock().expect("not poisoned").notifications.clone()
    }

    pub fn requests(&self) -> Vec<Value> {
        self.came.lock().expect("not poisoned").requests.clone()
    }

    pub fn received(&self) -> Vec<u8> {
        self.came.lock().expect("not poisoned").raw.clone()
    }
}
