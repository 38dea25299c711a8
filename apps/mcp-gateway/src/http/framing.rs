//! A strict check of request boundaries in a connection's bytes, independent of the HTTP parser.
//!
//! Request smuggling needs two parsers that disagree about boundaries. This check rejects what hyper accepts and another
//! parser could read differently: a line that ends with LF alone, an empty line before a request, and bytes after a body
//! before the response is sent. A head has at most 32 KiB. Hyper itself rejects continuation lines, NUL and a CR alone
//! (`docs/decisions/0005-framing-check.md`).

/// The largest request head.
const HEAD_BYTES: usize = 32 * 1024;

/// The position within a request.
#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// In a head: `line` bytes into its current line, after the byte `last`.
    Head { bytes: usize, line: usize, last: u8 },
    /// After a head, before the body's length is known.
    Undeclared { bytes: u64 },
    /// In a body.
    Body { left: u64 },
}

/// Tracks request boundaries in the client's bytes.
#[derive(Debug)]
pub(super) struct Framing {
    phase: Phase,
    heads: u64,
}

/// The bytes violate the framing rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    #[error("a line of the request head does not end with CRLF")]
    LineEnd,
    #[error("the request begins with an empty line")]
    Empty,
    #[error("the request head is larger than 32 KiB")]
    TooLarge,
    #[error("there are bytes after the body that the request declares")]
    Surplus,
}

const AT_HEAD: Phase = Phase::Head { bytes: 0, line: 0, last: 0 };

impl Default for Framing {
    fn default() -> Self {
        Self { phase: AT_HEAD, heads: 0 }
    }
}

impl Framing {
    /// Checks the next bytes.
    pub(super) fn received(&mut self, bytes: &[u8]) -> Result<(), FramingError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            match &mut self.phase {
                Phase::Head { .. } => rest = self.head(rest)?,
                Phase::Undeclared { bytes } => {
                    *bytes = bytes.saturating_add(count);
                    return Ok(());
                }
                Phase::Body { left } if count < *left => {
                    *left -= count;
                    return Ok(());
                }
                Phase::Body { left } => {
                    rest = usize::try_from(*left).ok().and_then(|left| rest.get(left..)).unwrap_or_default();
                    self.phase = AT_HEAD;
                }
            }
        }
        Ok(())
    }

    /// Sets the length of the body, which the parser read from the head.
    pub(super) fn declared(&mut self, length: u64) -> Result<(), FramingError> {
        let Phase::Undeclared { bytes } = self.phase else { return Err(FramingError::Surplus) };
        match length.checked_sub(bytes) {
            None => Err(FramingError::Surplus),
            Some(0) => {
                self.phase = AT_HEAD;
                Ok(())
            }
            Some(left) => {
                self.phase = Phase::Body { left };
                Ok(())
            }
        }
    }

    /// Whether a head has started and not ended.
    pub(super) const fn inside_head(&self) -> bool {
        matches!(self.phase, Phase::Head { bytes: 1.., .. })
    }

    /// Whether any head has ended.
    pub(super) const fn has_had_request(&self) -> bool {
        self.heads > 0
    }

    /// Checks a head. Returns the bytes after it.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], FramingError> {
        let Phase::Head { bytes: total, line, last } = &mut self.phase else { return Ok(bytes) };
        for (offset, byte) in bytes.iter().enumerate() {
            *total += 1;
            match byte {
                _ if *total > HEAD_BYTES => return Err(FramingError::TooLarge),
                b'\n' if *last != b'\r' => return Err(FramingError::LineEnd),
                b'\n' if *line == 1 && *total == 2 => return Err(FramingError::Empty),
                b'\n' if *line == 1 => {
                    self.phase = Phase::Undeclared { bytes: 0 };
                    self.heads += 1;
                    return Ok(bytes.get(offset.saturating_add(1)..).unwrap_or_default());
                }
                b'\n' => *line = 0,
                _ => *line += 1,
            }
            *last = *byte;
        }
        Ok(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";

    fn received(bytes: &[u8], cut: usize) -> Result<Framing, FramingError> {
        let mut framing = Framing::default();
        bytes.chunks(cut).try_for_each(|chunk| framing.received(chunk)).map(|()| framing)
    }

    #[test]
    fn requests_are_separated_at_any_split() {
        for cut in 1..80 {
            let mut framing = received(HEAD, cut).unwrap();
            assert!(!framing.inside_head() && framing.has_had_request());
            framing.declared(4).unwrap();
            framing.received(b"{\n\0").unwrap();
            framing.received(&[b"}", HEAD].concat()).unwrap();
            framing.declared(0).unwrap();
            framing.received(b"GET").unwrap();
            assert!(framing.inside_head(), "cut at {cut}");
        }
    }

    #[test]
    fn heads_that_lenient_parsers_repair_are_rejected() {
        let cases: [(&[u8], FramingError); 5] = [
            (b"POST / HTTP/1.1\nHost: a\r\n\r\n", FramingError::LineEnd),
            (b"POST / HTTP/1.1\r\nHost: a\n\r\n", FramingError::LineEnd),
            (b"POST / HTTP/1.1\r\nHost: a\r\n\n", FramingError::LineEnd),
            (b"\r\nPOST / HTTP/1.1\r\n\r\n", FramingError::Empty),
            (&[b'x'; HEAD_BYTES + 1], FramingError::TooLarge),
        ];
        for (bytes, violation) in cases {
            for cut in [1, 7, usize::MAX] {
                assert_eq!(received(bytes, cut).unwrap_err(), violation, "{}", String::from_utf8_lossy(bytes));
            }
        }
    }

    #[test]
    fn bytes_beyond_the_declared_body_are_rejected() {
        let mut framing = received(&[HEAD, b"12345"].concat(), 1000).unwrap();
        assert_eq!(framing.declared(4), Err(FramingError::Surplus));
        let mut twice = received(HEAD, 1000).unwrap();
        twice.declared(0).unwrap();
        assert_eq!(twice.declared(0), Err(FramingError::Surplus));
    }
}
