use bytes::Bytes;

use crate::DroppedMessage;

/// The longest event that is read to its end and dropped.
const MAX_DROPPED_BYTES: u64 = 64 << 20;
/// The name of the field with data, and what separates it from the value.
const DATA: &[u8] = b"data:";

/// Limits for the reader of an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseLimits {
    /// The longest line.
    pub line: usize,
    /// The most data of one event.
    pub event: usize,
    /// Whether an event beyond a limit is read to its end and dropped, up to 64 MiB. It ends the stream otherwise.
    pub drop_long: bool,
}

/// The defaults allow the largest message of an upstream server.
impl Default for SseLimits {
    fn default() -> Self {
        let event = briefcase_json::JsonLimits::UPSTREAM.bytes;
        Self { line: event.saturating_add(64), event, drop_long: false }
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
    /// Present for an event whose data was dropped because it is too long.
    pub dropped: Option<DroppedMessage>,
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
    dropping: Option<Dropping>,
}

/// The event that is being dropped.
#[derive(Debug, Default)]
struct Dropping {
    message: DroppedMessage,
    line: DroppedLine,
}

/// The part of a dropped line that was read.
#[derive(Debug, Default, PartialEq, Eq)]
enum DroppedLine {
    /// Nothing, or less than a field's name. The text is in the decoder's line.
    #[default]
    Start,
    /// The name of a field with data.
    Data,
    /// Another field, or a comment.
    Other,
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
            if self.dropping.is_none() && self.line.len().saturating_add(line.len()) > self.limits.line {
                self.start_dropping(SseError::LineTooLong(self.limits.line))?;
            }
            match &mut self.dropping {
                Some(dropping) => dropping.push(&mut self.line, line, self.limits.event)?,
                None => self.line.extend_from_slice(line),
            }
            let Some((ending, after)) = after.split_first() else { break };
            self.after_cr = *ending == b'\r';
            rest = after;
            match &mut self.dropping {
                Some(dropping) => {
                    if dropping.ends_line(&mut self.line) {
                        self.end_dropped(events);
                    }
                }
                None => self.end_line(events)?,
            }
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

    /// Ends the stream. Returns the event that was being dropped.
    pub fn finish(&mut self) -> Option<SseEvent> {
        let mut events = Vec::new();
        self.end_dropped(&mut events);
        events.pop()
    }

    /// Drops the event that is being read. Its data so far, and the line so far, count as read.
    fn start_dropping(&mut self, error: SseError) -> Result<(), SseError> {
        if !self.limits.drop_long {
            return Err(error);
        }
        let mut dropping = Dropping::default();
        dropping.message.push(&std::mem::take(&mut self.data));
        let line = std::mem::take(&mut self.line);
        dropping.push(&mut self.line, &line, self.limits.event)?;
        self.dropping = Some(dropping);
        Ok(())
    }

    fn end_dropped(&mut self, events: &mut Vec<SseEvent>) {
        let Some(Dropping { message, .. }) = self.dropping.take() else { return };
        self.has_data = false;
        events.push(SseEvent {
            event: self.event.take(),
            data: Bytes::new(),
            id: self.last_id.clone(),
            dropped: Some(message),
        });
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
                    self.start_dropping(SseError::EventTooLarge(self.limits.event))?;
                    if let Some(dropping) = &mut self.dropping {
                        dropping.message.push(value.as_bytes());
                    }
                    return Ok(());
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
            events.push(SseEvent { event, data, id: self.last_id.clone(), dropped: None });
        }
    }
}

impl Dropping {
    /// Takes a piece of a line. `start` holds a line's first bytes until its field is known.
    fn push(&mut self, start: &mut Vec<u8>, piece: &[u8], limit: usize) -> Result<(), SseError> {
        let mut piece = piece;
        if self.line == DroppedLine::Start {
            let missing = DATA.len().saturating_add(1).saturating_sub(start.len());
            let (head, rest) = piece.split_at_checked(missing).unwrap_or((piece, b""));
            start.extend_from_slice(head);
            piece = rest;
            if start.len() > DATA.len() {
                self.know_field(start);
            }
        }
        if self.line == DroppedLine::Data {
            self.message.push(piece);
        }
        if self.message.bytes() > MAX_DROPPED_BYTES { Err(SseError::EventTooLarge(limit)) } else { Ok(()) }
    }

    /// Decides by a line's first bytes whether its text is data.
    fn know_field(&mut self, start: &mut Vec<u8>) {
        let text = std::mem::take(start);
        self.line = match text.strip_prefix(DATA) {
            Some(value) => {
                self.message.push(value.strip_prefix(b" ").unwrap_or(value));
                DroppedLine::Data
            }
            None => DroppedLine::Other,
        };
    }

    /// Ends a line. Returns whether it was empty, which ends the event.
    fn ends_line(&mut self, start: &mut Vec<u8>) -> bool {
        let empty = self.line == DroppedLine::Start && start.is_empty();
        if self.line == DroppedLine::Start && !empty {
            self.know_field(start);
        }
        if self.line == DroppedLine::Data {
            self.message.push(b"\n");
        }
        self.line = DroppedLine::Start;
        start.clear();
        empty
    }
}

#[cfg(test)]
mod tests;
