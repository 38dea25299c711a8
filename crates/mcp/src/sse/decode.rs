use bytes::Bytes;

/// Limits for the reader of an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseLimits {
    /// The longest line.
    pub line: usize,
    /// The most data of one event.
    pub event: usize,
}

/// The defaults allow the largest message of an upstream server.
impl Default for SseLimits {
    fn default() -> Self {
        let event = briefcase_json::JsonLimits::UPSTREAM.bytes;
        Self { line: event.saturating_add(64), event }
    }
}

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field; absent means `message`.
    pub event: Option<String>,
    /// The `data` lines, joined by line feeds. Empty for a priming event.
    pub data: Bytes,
    /// The last event id of the stream at the end of this event.
    pub id: Option<String>,
}

/// A stream was rejected; reading stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// A line is too long.
    #[error("a line of the event stream is longer than {0} bytes")]
    LineTooLong(usize),
    /// An event is too large.
    #[error("an event of the stream is larger than {0} bytes")]
    EventTooLarge(usize),
    /// The stream is not UTF-8.
    #[error("the event stream is not UTF-8")]
    Utf8,
}

/// Reads events from a stream of chunks. Chunks may end anywhere.
#[derive(Debug, Default)]
pub struct SseDecoder {
    limits: SseLimits,
    line: Vec<u8>,
    after_cr: bool,
    started: bool,
    data: Vec<u8>,
    has_data: bool,
    event: Option<String>,
    last_id: Option<String>,
    retry: Option<u64>,
}

impl SseDecoder {
    /// Makes a reader for the start of a stream.
    #[must_use]
    pub fn new(limits: SseLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Reads the next chunk and appends the completed events.
    pub fn push(&mut self, chunk: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr)
                && let Some(after) = rest.strip_prefix(b"\n")
            {
                rest = after;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (line, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, b""));
            if self.line.len().saturating_add(line.len()) > self.limits.line {
                return Err(SseError::LineTooLong(self.limits.line));
            }
            self.line.extend_from_slice(line);
            let Some((ending, after)) = after.split_first() else { break };
            self.after_cr = *ending == b'\r';
            rest = after;
            self.end_line(events)?;
        }
        Ok(())
    }

    /// The event id to resume after.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The reconnection delay that the server asked for, in milliseconds.
    #[must_use]
    pub const fn retry(&self) -> Option<u64> {
        self.retry
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        let line = std::mem::take(&mut self.line);
        let text = std::str::from_utf8(&line).map_err(|_| SseError::Utf8)?;
        let first = !std::mem::replace(&mut self.started, true);
        let text = if first { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        if text.is_empty() {
            self.end_event(events);
        } else if !text.starts_with(':') {
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            self.field(field, value.strip_prefix(' ').unwrap_or(value))?;
        }
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn field(&mut self, field: &str, value: &str) -> Result<(), SseError> {
        match field {
            "data" => {
                if self.data.len().saturating_add(value.len()) >= self.limits.event {
                    return Err(SseError::EventTooLarge(self.limits.event));
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value.as_bytes());
            }
            "event" => self.event = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "id" if !value.contains('\0') => self.last_id = Some(value.to_owned()).filter(|id| !id.is_empty()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => self.retry = value.parse().ok(),
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<SseEvent>) {
        let event = self.event.take();
        if std::mem::take(&mut self.has_data) {
            let data = Bytes::from(std::mem::take(&mut self.data));
            events.push(SseEvent { event, data, id: self.last_id.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
