//! One message per line, as stdio and server-sent events need it.

use bytes::Bytes;

/// Returns the message without line breaks. In JSON text they can only be white space between tokens, so a space
/// replaces each without changing the content. Costs nothing without line breaks.
#[must_use]
pub fn single_line(message: Bytes) -> Bytes {
    if !message.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return message;
    }
    message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect::<Vec<u8>>().into()
}

/// Returns the document without one byte order mark and without white space around it: the framing that some servers add.
/// Anything else around a document is left for the reader to reject.
#[must_use]
pub fn without_framing(message: &Bytes) -> Bytes {
    let text = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message).trim_ascii();
    message.slice_ref(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_and_white_space_are_framing() {
        for (framed, document) in [
            ("\u{feff}{}", "{}"),
            ("\u{feff}\r\n {}\r", "{}"),
            (" \t", ""),
            ("", ""),
            ("\u{feff}\u{feff}{}", "\u{feff}{}"),
            ("{}\0", "{}\0"),
            ("{} x", "{} x"),
        ] {
            assert_eq!(without_framing(&Bytes::from(framed)), document, "{framed:?}");
        }
    }
}
