//! The messages that the mock server sends, over any transport.

use std::pin::Pin;

use serde_json::Value;

/// The future of a trait object's method.
pub type Sending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A destination for the server's messages.
pub trait MessageSink: Send + Sync {
    /// Sends bytes as one message.
    fn line<'a>(&'a self, bytes: &'a [u8]) -> Sending<'a>;

    /// Sends the first half of `bytes` and ends the connection.
    fn die<'a>(&'a self, bytes: &'a [u8]) -> Sending<'a>;
}

impl dyn MessageSink + '_ {
    /// Sends a message.
    pub async fn send(&self, message: &Value) {
        self.line(message.to_string().as_bytes()).await;
    }
}

/// The first half.
pub fn half(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len() / 2).unwrap_or_default()
}
