//! Splits an untrusted stream into lines.

use briefcase_mcp::MAX_MESSAGE_BYTES;
use bytes::{Bytes, BytesMut};

/// A line of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputLine {
    /// A line within the limit, without its end.
    Whole(Bytes),
    /// A line beyond the limit. Its bytes were dropped on arrival.
    TooLong,
}

/// Splits a stream into lines. Keeps at most one line, never longer than a message may be.
#[derive(Debug, Default)]
pub(super) struct LineDecoder {
    buffer: BytesMut,
    searched: usize,
    dropping: bool,
}

impl LineDecoder {
    /// Appends the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete line. Lines of only white space are skipped.
    pub(super) fn next(&mut self) -> Option<InputLine> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(offset) = rest.iter().position(|byte| *byte == b'\n') else {
                return self.without_end();
            };
            let line = self.buffer.split_to(self.searched.saturating_add(offset).saturating_add(1));
            self.searched = 0;
            if std::mem::take(&mut self.dropping) {
                continue;
            }
            if line.len() > MAX_MESSAGE_BYTES.saturating_add(1) {
                return Some(InputLine::TooLong);
            }
            if let Some(line) = content(line) {
                return Some(InputLine::Whole(line));
            }
        }
    }

    /// Returns the rest after the last line end, when the stream has ended.
    pub(super) fn rest(mut self) -> Option<Bytes> {
        if self.dropping { None } else { content(self.buffer.split()) }
    }

    /// Without a line end: remembers the searched length, and stops keeping a line that is too long.
    fn without_end(&mut self) -> Option<InputLine> {
        if self.dropping {
            self.buffer.clear();
        } else if self.buffer.len() > MAX_MESSAGE_BYTES {
            self.buffer = BytesMut::new();
            self.searched = 0;
            self.dropping = true;
            return Some(InputLine::TooLong);
        }
        self.searched = self.buffer.len();
        None
    }
}

fn content(line: BytesMut) -> Option<Bytes> {
    let line = line.freeze();
    // A byte order mark alone is a blank line.
    let trimmed = line.trim_ascii();
    let is_blank = trimmed.strip_prefix(b"\xef\xbb\xbf").unwrap_or(trimmed).trim_ascii().is_empty();
    if is_blank { None } else { Some(line.slice_ref(trimmed)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &[&[u8]]) -> (Vec<InputLine>, Option<Bytes>) {
        let (mut lines, mut found) = (LineDecoder::default(), Vec::new());
        for chunk in chunks {
            lines.push(chunk);
            found.extend(std::iter::from_fn(|| lines.next()));
        }
        (found, lines.rest())
    }

    #[test]
    fn lines_are_found_at_any_split() {
        let stream = b"{\"a\":1}\r\n\n  \n[2]\n{\"b\"";
        for cut in 1..stream.len() {
            let chunks: Vec<_> = stream.chunks(cut).collect();
            let (found, rest) = all(&chunks);
            assert_eq!(found, [InputLine::Whole("{\"a\":1}".into()), InputLine::Whole("[2]".into())], "cut at {cut}");
            assert_eq!(rest.unwrap(), "{\"b\"");
        }
    }

    #[test]
    fn an_endless_line_is_reported_once_and_not_kept() {
        let mut lines = LineDecoder::default();
        let chunk = vec![b'x'; 1 << 20];
        let mut reports = 0;
        for _ in 0..64 {
            lines.push(&chunk);
            reports += usize::from(lines.next() == Some(InputLine::TooLong));
            assert!(lines.buffer.len() <= MAX_MESSAGE_BYTES);
        }
        assert_eq!(reports, 1);
        lines.push(b"tail of it\n{}\n");
        assert_eq!(lines.next(), Some(InputLine::Whole("{}".into())));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_long_line_that_ends_in_the_same_read_is_too_long() {
        let long = [vec![b'x'; MAX_MESSAGE_BYTES + 1], b"\n{}\n".to_vec()].concat();
        assert_eq!(all(&[&long]).0, [InputLine::TooLong, InputLine::Whole("{}".into())]);
        let fits = [vec![b'x'; MAX_MESSAGE_BYTES], b"\n".to_vec()].concat();
        assert!(matches!(&all(&[&fits]).0[..], [InputLine::Whole(line)] if line.len() == MAX_MESSAGE_BYTES));
    }
}
