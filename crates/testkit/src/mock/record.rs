//! The messages that the mock server received.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A received message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceivedMessage {
    /// The method; empty for a response to the server's request.
    pub method: String,
    /// The whole message.
    pub message: Value,
    /// The HTTP headers, with names in lower case; empty on stdio.
    pub headers: BTreeMap<String, String>,
}

impl ReceivedMessage {
    /// The tool, prompt or URI that the message names.
    pub fn name(&self) -> &str {
        let params = &self.message["params"];
        params["name"].as_str().or_else(|| params["uri"].as_str()).unwrap_or_default()
    }

    /// The arguments.
    pub fn arguments(&self) -> &Value {
        &self.message["params"]["arguments"]
    }

    /// Whether the message has an effect: a call, a read, a prompt or a completion.
    pub fn is_effect(&self) -> bool {
        ["tools/call", "resources/read", "prompts/get", "completion/complete"].contains(&self.method.as_str())
    }
}

/// The storage of received messages.
pub enum MessageRecord {
    /// In memory.
    Memory(Mutex<Vec<ReceivedMessage>>),
    /// In a file, one JSON line each.
    File(PathBuf),
}

impl MessageRecord {
    pub fn add(&self, effect: ReceivedMessage) {
        match self {
            Self::Memory(effects) => effects.lock().expect("not poisoned").push(effect),
            Self::File(path) => {
                let mut line = serde_json::to_vec(&effect).expect("JSON");
                line.push(b'\n');
                let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
                file.and_then(|mut file| file.write_all(&line)).expect("the record can be written");
            }
        }
    }

    pub fn all(&self) -> Vec<ReceivedMessage> {
        match self {
            Self::Memory(effects) => effects.lock().expect("not poisoned").clone(),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).unwrap_or_default();
                // Skip a line that is still being written.
                text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
            }
        }
    }
}
