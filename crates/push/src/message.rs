//! What is sent, and how the push service is to treat it (RFC 8030).

use std::{str::FromStr, time::Duration};

use zeroize::Zeroizing;

use crate::MessageError;

/// Most bytes of content and padding: a body of 4096 bytes, which is what push services have to take, less the coding.
pub const MAX_CONTENT: usize = 3993;
/// The longest that a push service is asked to keep a message: Firebase's limit, the shortest among the large ones.
pub const LONGEST_TTL: Duration = Duration::from_hours(28 * 24);

/// How much a message is worth the battery of a phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushUrgency {
    /// On power and on a network that costs nothing.
    VeryLow,
    /// On power or on a network that costs nothing.
    Low,
    /// Neither.
    #[default]
    Normal,
    /// Even when the battery is low.
    High,
}

impl PushUrgency {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// A name under which a newer message takes the place of an undelivered one. The push service sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = MessageError;

    fn from_str(text: &str) -> Result<Self, MessageError> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if plain && (1..=32).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(MessageError::Topic) }
    }
}

/// One message.
pub struct PushMessage {
    pub(crate) ttl: Duration,
    pub(crate) urgency: PushUrgency,
    pub(crate) topic: Option<Topic>,
    pub(crate) content: Option<Payload>,
}

/// What only the browser reads.
pub(crate) struct Payload {
    pub(crate) text: Zeroizing<Vec<u8>>,
    pub(crate) padding: usize,
}

impl PushMessage {
    /// A message without content: the browser's service worker runs, and asks for what there is over a channel of its own.
    ///
    /// # Errors
    /// [`MessageError::Ttl`]. A `ttl` of zero asks to deliver now or never.
    pub fn wake_up(ttl: Duration) -> Result<Self, MessageError> {
        if ttl > LONGEST_TTL {
            return Err(MessageError::Ttl);
        }
        Ok(Self { ttl, urgency: PushUrgency::Normal, topic: None, content: None })
    }

    /// A message with content, filled up to `at_least` bytes (and to one), so that its length does not tell what it is.
    ///
    /// # Errors
    /// [`MessageError::Ttl`], [`MessageError::TooLong`].
    pub fn with_content(ttl: Duration, text: Vec<u8>, at_least: usize) -> Result<Self, MessageError> {
        let text = Zeroizing::new(text);
        if text.len().max(at_least) > MAX_CONTENT {
            return Err(MessageError::TooLong);
        }
        // One byte at least: Chromium drops a record that holds none.
        let padding = at_least.max(1).saturating_sub(text.len());
        Ok(Self { content: Some(Payload { text, padding }), ..Self::wake_up(ttl)? })
    }

    /// With this urgency.
    #[must_use]
    pub fn urgency(self, urgency: PushUrgency) -> Self {
        Self { urgency, ..self }
    }

    /// In place of the message that waits under the same topic.
    #[must_use]
    pub fn topic(self, topic: Topic) -> Self {
        Self { topic: Some(topic), ..self }
    }
}
