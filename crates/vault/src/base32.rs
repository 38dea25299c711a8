//! Crockford's base32: no I, L, O or U. Reading accepts either case and look-alikes.

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Encodes groups of five bits and pads the last group with zero bits.
pub(crate) fn encode(bytes: &[u8], out: &mut String) {
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(symbol(buffer >> bits));
            buffer &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        out.push(symbol(buffer << (5 - bits)));
    }
}

/// Decodes into `out`; `None` unless `text` fills it exactly, with nothing left over.
pub(crate) fn decode(text: impl Iterator<Item = char>, out: &mut [u8]) -> Option<()> {
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    let mut places = out.iter_mut();
    for character in text {
        buffer = (buffer << 5) | value(character)?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *places.next()? = u8::try_from(buffer >> bits).ok()?;
            buffer &= (1 << bits) - 1;
        }
    }
    (places.next().is_none() && bits < 5 && buffer == 0).then_some(())
}

fn symbol(bits: u32) -> char {
    let at = usize::try_from(bits & 31).unwrap_or_default();
    char::from(ALPHABET.get(at).copied().unwrap_or(b'0'))
}

fn value(character: char) -> Option<u32> {
    let meant = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|symbol| char::from(*symbol) == meant).and_then(|at| u32::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            let mut back = vec![0; bytes.len()];
            prop_assert_eq!(decode(text.chars(), &mut back), Some(()));
            prop_assert_eq!(back, bytes);
        }
    }
}
