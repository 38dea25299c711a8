//! Rows of measurements: name, value, goal, reached.

use std::time::Duration;

use serde_json::{Value, json};

/// The measurements so far.
#[derive(Default)]
pub struct Table(Vec<Row>);

struct Row {
    what: String,
    got: String,
    want: String,
    reached: Option<bool>,
}

impl Table {
    /// A measurement without a goal.
    pub fn note(&mut self, what: impl Into<String>, got: impl Into<String>) {
        self.0.push(Row { what: what.into(), got: got.into(), want: String::new(), reached: None });
    }

    /// A measurement with a goal.
    pub fn goal(&mut self, what: impl Into<String>, got: impl Into<String>, want: impl Into<String>, reached: bool) {
        self.0.push(Row { what: what.into(), got: got.into(), want: want.into(), reached: Some(reached) });
    }

    /// Markdown, then JSON on one line.
    pub fn print(&self) {
        println!("| what | measured | goal | reached |\n|---|---|---|---|");
        for row in &self.0 {
            let reached = row.reached.map_or("", |reached| if reached { "yes" } else { "**no**" });
            println!("| {} | {} | {} | {reached} |", row.what, row.got, row.want);
        }
        let rows: Vec<Value> = self
            .0
            .iter()
            .map(|row| json!({ "what": row.what, "measured": row.got, "goal": row.want, "reached": row.reached }))
            .collect();
        println!("\n{}", json!({ "figures": rows }));
    }
}

/// The percentile of the durations.
pub fn percentile(durations: &mut [Duration], percent: usize) -> Duration {
    durations.sort_unstable();
    durations.get((durations.len() * percent / 100).min(durations.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Milliseconds with three decimals.
pub fn ms(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1000.0)
}
