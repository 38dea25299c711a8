//! Server-sent events: a writer, and an incremental reader with bounded memory.

mod decode;
mod encode;

pub use decode::{SseDecoder, SseError, SseEvent, SseLimits};
pub use encode::{write_comment, write_event, write_retry};
