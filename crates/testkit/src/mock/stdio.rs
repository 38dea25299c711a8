//! The mock server as a local command.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

use super::message_sink::{MessageSink, Sending, half};
use super::record::{MessageRecord, ReceivedMessage};
use super::script::Script;
use super::server::{Departure, MockServer};
use crate::{TempHome, program};

/// A mock server that a daemon can start.
pub struct StdioUpstream {
    script: PathBuf,
    record: PathBuf,
}

impl StdioUpstream {
    /// Writes script and record into the home, under `name`.
    pub fn new(home: &TempHome, name: &str, script: &Script) -> Self {
        let upstream =
            Self { script: home.file(&format!("{name}.script.json")), record: home.file(&format!("{name}.effects")) };
        upstream.set(script);
        upstream
    }

    /// The command line.
    pub fn argv(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.to_str().expect("a plain path").to_owned();
        vec![path(&program("mock-upstream")), path(&self.script), path(&self.record)]
    }

    /// The server's specification for the admin API.
    pub fn spec(&self) -> Value {
        json!({ "transport": "stdio", "argv": self.argv() })
    }

    /// Replaces the script from the next message on.
    pub fn set(&self, script: &Script) {
        let next = self.script.with_extension("next");
        std::fs::write(&next, serde_json::to_vec(script).expect("JSON")).expect("the script can be written");
        std::fs::rename(next, &self.script).expect("the script can be written");
    }

    /// All messages received by all its processes.
    pub fn messages(&self) -> Vec<ReceivedMessage> {
        MessageRecord::File(self.record.clone()).all()
    }

    /// The received messages with an effect.
    pub fn effects(&self) -> Vec<ReceivedMessage> {
        self.messages().into_iter().filter(ReceivedMessage::is_effect).collect()
    }
}

struct Stdout {
    out: Mutex<tokio::io::Stdout>,
}

impl MessageSink for Stdout {
    fn line<'a>(&'a self, bytes: &'a [u8]) -> Sending<'a> {
        Box::pin(async move {
            let mut out = self.out.lock().await;
            // Without a reader there is nothing to do.
            let _ = out.write_all(bytes).await;
            let _ = out.write_all(b"\n").await;
            let _ = out.flush().await;
        })
    }

    fn die<'a>(&'a self, bytes: &'a [u8]) -> Sending<'a> {
        Box::pin(async move {
            let mut out = self.out.lock().await;
            let _ = out.write_all(half(bytes)).await;
            let _ = out.flush().await;
            std::process::exit(3);
        })
    }
}

/// Runs the program. It reads `script` again for each message.
pub async fn serve(script: PathBuf, record: PathBuf) {
    let engine = Arc::new(MockServer::new(MessageRecord::File(record)));
    let wire = Arc::new(Stdout { out: Mutex::new(tokio::io::stdout()) });
    #[expect(clippy::disallowed_methods, reason = "the mock gives its whole environment away: that is what it is for")]
    let secrets = json!(std::env::vars().collect::<std::collections::BTreeMap<_, _>>());
    let secrets = Arc::new(secrets);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let message: Value = serde_json::from_str(&line).unwrap_or_default();
        engine.note(&message, std::collections::BTreeMap::new());
        if message.get("method").is_none() || message.get("id").is_none() {
            continue;
        }
        let text = std::fs::read(&script).expect("the script is there");
        let script: Script = serde_json::from_slice(&text).expect("a script");
        let (engine, wire, secrets) = (Arc::clone(&engine), Arc::clone(&wire), Arc::clone(&secrets));
        tokio::spawn(async move {
            if let Departure::Transport(act) = engine.answer(&script, &message, &secrets, wire.as_ref()).await {
                panic!("{act:?} needs HTTP");
            }
        });
    }
}
