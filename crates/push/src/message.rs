//! Messages and their delivery options (RFC 8030).

use std::{str::FromStr, time::Duration};

use zeroize::Zeroizing;

use crate::MessageError;

/// The longest content with padding. Push services must accept bodies of 4096 bytes; the coding takes the rest.
pub const MAX_CONTENT: usize = 3993;
/// The longest TTL: Firebase's limit, the shortest of the large push services.
pub const LONGEST_TTL: Duration = Duration::from_hours(28 * 24);

/// The urgency of a message, weighed against a phone's battery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushUrgency {
    /// Deliver on power and on an unmetered network.
    VeryLow,
    /// Deliver on power or on an unmetered network.
    Low,
    /// Deliver on battery and on any network.
    #[default]
    Normal,
    /// Deliver even when the battery is low.
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

/// A name under which a newer message replaces an undelivered one. The push service can read it.
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

/// A push message.
pub struct PushMessage {
    pub(crate) ttl: Duration,
    pub(crate) urgency: PushUrgency,
    pub(crate) topic: Option<Topic>,
    pub(crate) content: Option<Payload>,
}

/// The encrypted part, which only the browser can read.
pub(crate) struct Payload {
    pub(crate) text: Zeroizing<Vec<u8>>,
    pub(crate) padding: usize,
}

impl PushMessage {
    /// Makes a message without content. The browser's service worker wakes and fetches the news over its own channel.
    ///
    /// # Errors
    /// [`MessageError::Ttl`]. A `ttl` of zero means: deliver now or never.
    pub fn wake_up(ttl: Duration) -> Result<Self, MessageError> {
        if ttl > LONGEST_TTL {
            return Err(MessageError::Ttl);
        }
        Ok(Self { ttl, urgency: PushUrgency::Normal, topic: None, content: None })
    }

    /// Makes a message with content, padded to at least `at_least` bytes, so that its length does not reveal its
    /// meaning.
    ///
    /// # Errors
    /// [`MessageError::Ttl`], [`MessageError::TooLong`].
    pub fn with_content(ttl: Duration, text: Vec<u8>, at_least: usize) -> Result<Self, MessageError> {
        let text = Zeroizing::new(text);
        if text.len().max(at_least) > MAX_CONTENT {
            return Err(MessageError::TooLong);
        }
        // At least one byte: Chromium drops an empty record.
        let padding = at_least.max(1).saturating_sub(text.len());
        Ok(Self { content: Some(Payload { text, padding }), ..Self::wake_up(ttl)? })
    }

    /// Sets the urgency.
    #[must_use]
    pub fn urgency(self, urgency: PushUrgency) -> Self {
        Self { urgency, ..self }
    }

    /// Sets the topic: the message replaces an undelivered one with the same topic.
    #[must_use]
    pub fn topic(self, topic: Topic) -> Self {
        Self { topic: Some(topic), ..self }
    }
}
