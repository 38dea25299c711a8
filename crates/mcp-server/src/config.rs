//! Limits and times of the MCP server.

use std::time::Duration;

/// Limits and times of the MCP server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Requests of one connection that may run at once.
    pub in_flight: usize,
    /// `subscriptions/listen` streams of one connection.
    pub listen_streams: usize,
    /// How long a call waits for a person when the client asked for no progress. Below the 60 s after which common
    /// clients give up.
    pub approval_timeout: Duration,
    /// How long a call waits for a person when the client asked for progress, which it then gets.
    pub approval_timeout_with_progress: Duration,
    /// The time between two progress messages of a waiting call.
    pub progress_interval: Duration,
    /// How long a client may take to answer a server's request (a person may have to type).
    pub client_request_timeout: Duration,
    /// How long one server may take to describe itself or to list its items when the request goes to several servers.
    pub list_timeout: Duration,
    /// How long a suspended call waits for the client's retry.
    pub suspend_timeout: Duration,
    /// Suspended calls of one agent.
    pub suspended_calls: usize,
    /// Task handles of one agent.
    pub task_handles: usize,
    /// How long change notifications are collected before they are sent.
    pub debounce: Duration,
    /// The shortest time between two deliveries of change notifications.
    pub notification_interval: Duration,
    /// Log lines passed on per second, outside a running request.
    pub logs_per_second: u32,
    /// Requests that a server may send to a modern client during one call. Each costs a round trip.
    pub rounds: usize,
    /// `ttlMs` of lists and cacheable results.
    pub ttl_ms: u32,
    /// The address of the page where a person decides; `{approval}` is replaced by the approval request's id. The address
    /// carries no authority.
    pub approval_url: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            in_flight: 256,
            listen_streams: 16,
            approval_timeout: Duration::from_secs(50),
            approval_timeout_with_progress: Duration::from_secs(300),
            progress_interval: Duration::from_secs(5),
            client_request_timeout: Duration::from_secs(600),
            list_timeout: Duration::from_secs(10),
            suspend_timeout: Duration::from_secs(600),
            suspended_calls: 64,
            task_handles: 1024,
            debounce: Duration::from_millis(25),
            notification_interval: Duration::from_millis(300),
            logs_per_second: 50,
            rounds: 16,
            ttl_ms: 0,
            approval_url: None,
        }
    }
}
