//! JSON pointers (RFC 6901).

/// A member's name as a token of a pointer.
#[must_use]
pub fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The pointer in the fragment of a URI, without its `#`. `None` when an escape or the text is malformed.
#[must_use]
pub fn from_fragment(fragment: &str) -> Option<String> {
    let mut bytes = fragment.bytes();
    let mut out = Vec::with_capacity(fragment.len());
    let digit = |byte: u8| char::from(byte).to_digit(16);
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_tokens() {
        assert_eq!(token("a/b~c"), "a~1b~0c");
    }

    #[test]
    fn fragments_are_decoded_or_refused() {
        assert_eq!(from_fragment("/a%20b/%C3%A9").as_deref(), Some("/a b/é"));
        for malformed in ["%", "%4", "%zz", "%+f", "%ff"] {
            assert_eq!(from_fragment(malformed), None, "{malformed}");
        }
    }
}
