//! Tracing spans: the names of the conventions, and nothing of what a call says.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::doubles::World;

/// Keeps the text of every span.
#[derive(Clone, Default)]
struct Recorder {
    text: Arc<Mutex<String>>,
    next: Arc<AtomicU64>,
}

impl Visit for Recorder {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text.lock().unwrap().push_str(&format!("{}={value:?}\n", field.name()));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("briefcase_engine")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.text.lock().unwrap().push_str(&format!("span {}\n", span.metadata().name()));
        span.record(&mut self.clone());
        Id::from_u64(self.next.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn each_stage_has_a_span_and_no_span_holds_an_argument() {
    let recorder = Recorder::default();
    let world = World::new(Vec::new());
    let calls = async || {
        world.run("look", r#"{"n":7654321}"#).await.unwrap();
        world.run("look", r#"{"n":"not a number 7654321"}"#).await.unwrap_err();
    };
    // A span that another test reaches first would be disabled for all threads, so every span is reached before.
    calls().await;
    let guard = tracing::subscriber::set_default(recorder.clone());
    calls().await;
    drop(guard);
    let text = recorder.text.lock().unwrap();
    for stage in ["mcp.call", "resolve", "validate", "decide", "reserve", "execute", "release"] {
        assert!(text.contains(&format!("span {stage}\n")), "{stage}: {text}");
    }
    for line in [
        r#"otel.name="tools/call look""#,
        r#"mcp.method.name="tools/call""#,
        r#"gen_ai.tool.name="look""#,
        r#"gen_ai.operation.name="execute_tool""#,
        r#"otel.kind="client""#,
        r#"error.type="invalid_args""#,
        &format!("mcp.session.id={}", world.session.id),
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("7654321"), "{text}");
}
