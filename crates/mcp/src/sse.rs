//! Server-sent events: a writer, and an incremental reader that bounds what it keeps.

mod decode;
mod encode;

pub use decode::{SseDecoder, SseError, SseEvent, SseLimits};
pub use encode::{write_comment, write_event, write_retry};
