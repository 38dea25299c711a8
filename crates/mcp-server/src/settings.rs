//! What can be tuned.

use std::time::Duration;

/// Limits and times of the surface.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Requests of one conversation that may run at once.
    pub in_flight: usize,
    /// `subscriptions/listen` streams of one conversation.
    pub listens: usize,
    /// How long a call waits for a person when the client shows no sign of patience. Below the 60 s after which common
    /// clients give up.
    pub patience: Duration,
    /// How long it waits when the client asked for progress, which it then gets.
    pub patience_with_progress: Duration,
    /// Between two progress messages of a waiting call.
    pub progress_every: Duration,
    /// How long a client may take to answer a server's question (a person may have to type).
    pub ask_timeout: Duration,
    /// How long one server may take to describe itself or list what it has, when others are waiting too.
    pub list_timeout: Duration,
    /// How long a suspended call waits for the client's retry.
    pub parked_for: Duration,
    /// Suspended calls of one agent.
    pub parked_calls: usize,
    /// Task handles of one agent.
    pub tasks: usize,
    /// How long change notices are gathered before they are sent.
    pub gather: Duration,
    /// Between two deliveries of change notices, however many there are.
    pub notices_every: Duration,
    /// Log lines passed on per second, outside a running request.
    pub logs_per_second: u32,
    /// Questions that a server may ask a modern client during one call (each a round trip).
    pub rounds: usize,
    /// `ttlMs` of lists and results that can be read again.
    pub ttl_ms: u32,
    /// Address of the page where a person answers; `{approval}` stands for the question's id. Has no authority in it.
    pub approval_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            in_flight: 256,
            listens: 16,
            patience: Duration::from_secs(50),
            patience_with_progress: Duration::from_secs(300),
            progress_every: Duration::from_secs(5),
            ask_timeout: Duration::from_secs(600),
            list_timeout: Duration::from_secs(10),
            parked_for: Duration::from_secs(600),
            parked_calls: 64,
            tasks: 1024,
            gather: Duration::from_millis(25),
            notices_every: Duration::from_millis(300),
            logs_per_second: 50,
            rounds: 16,
            ttl_ms: 0,
            approval_url: None,
        }
    }
}
