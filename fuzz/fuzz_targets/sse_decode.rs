//! An event stream reads the same however it is cut, and the decoder never buffers more than its limits.
#![no_main]

use briefcase_mcp::{SseDecoder, SseError, SseEvent, SseLimits};
use libfuzzer_sys::fuzz_target;

fn read(stream: &[u8], cut: usize) -> (Vec<SseEvent>, Result<(), SseError>) {
    let mut decoder = SseDecoder::new(SseLimits { line: 256, event: 512, drop_long: false });
    let mut events = Vec::new();
    let end = stream.chunks(cut).try_for_each(|chunk| decoder.push(chunk, &mut events));
    (events, end)
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else { return };
    let (whole, end) = read(stream, stream.len().max(1));
    let (pieces, pieces_end) = read(stream, usize::from(*cut).max(1));
    assert_eq!((&whole, end), (&pieces, pieces_end));
    assert!(whole.iter().all(|event| event.data.len() < 512));
});
