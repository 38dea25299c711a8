//! Base 32, 58, 64 and 85: alphabets, encoding of a secret within a larger text, decoding of a word.

/// The alphabets of base32: RFC 4648, its extended hex form, Crockford, z-base-32.
pub(super) const BASE32: [&[u8; 32]; 4] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    b"0123456789ABCDEFGHIJKLMNOPQRSTUV",
    b"0123456789ABCDEFGHJKMNPQRSTVWXYZ",
    b"ybndrfg8ejkmcpqxot1uwisza345h769",
];

/// The alphabet of base58, as Bitcoin and IPFS use it.
pub(super) const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The alphabet of base64.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The alphabets of base85: Adobe's Ascii85, RFC 1924 (Git, Python), ZeroMQ's Z85.
pub(super) const BASE85: [&[u8; 85]; 3] = [
    b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu",
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
];

/// Returns the digits of `bits` bits that depend on the secret alone, `shift` bytes into a larger text.
pub(super) fn bits_within(secret: &[u8], shift: usize, alphabet: &[u8], bits: usize) -> Vec<u8> {
    let padded: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
    let first = shift.saturating_mul(8).div_ceil(bits);
    let last = padded.len().saturating_mul(8).checked_div(bits).unwrap_or_default();
    let digit = |place: usize| {
        let value = (0..bits).fold(0_usize, |value, offset| {
            let bit = place.saturating_mul(bits).saturating_add(offset);
            let byte = padded.get(bit / 8).copied().unwrap_or_default();
            (value << 1) | usize::from((byte >> (7 - bit % 8)) & 1)
        });
        alphabet.get(value).copied()
    };
    (first..last).filter_map(digit).collect()
}

/// Returns the base64 characters that depend on the secret alone, `shift` bytes (modulo 3) into a larger text.
pub(super) fn base64_within(secret: &[u8], shift: usize) -> Vec<u8> {
    bits_within(secret, shift, BASE64, 6)
}

/// Returns the whole groups of base85 inside the secret, `shift` bytes (modulo 4) into a larger text.
pub(super) fn base85_within(secret: &[u8], shift: usize, alphabet: &[u8; 85]) -> Vec<u8> {
    let skipped = (4 - shift % 4) % 4;
    let whole = secret.get(skipped..).unwrap_or_default().chunks_exact(4);
    whole.flat_map(|group| base85_group(group, alphabet)).collect()
}

fn base85_group(group: &[u8], alphabet: &[u8; 85]) -> Vec<u8> {
    let mut value = group.iter().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte));
    let mut digits = Vec::with_capacity(5);
    for _ in 0..5 {
        digits.extend(usize::try_from(value % 85).ok().and_then(|digit| alphabet.get(digit)));
        value /= 85;
    }
    digits.reverse();
    digits
}

/// The alphabets of encodings as one large number: base36, base58, base62.
pub(super) const LARGE_NUMBERS: [&[u8]; 3] = [
    b"0123456789abcdefghijklmnopqrstuvwxyz",
    BASE58,
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
];

/// The alphabets of uuencode, with either character for zero.
pub(super) const UUENCODE: [&[u8; 64]; 2] = [
    b"`!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_",
    b" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_",
];

/// Returns the secret as one number in the base of an alphabet.
pub(super) fn large_number(secret: &[u8], alphabet: &[u8]) -> Vec<u8> {
    let base = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    let mut digits: Vec<u8> = Vec::new();
    for byte in secret {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry = carry.saturating_add(u32::from(*digit) << 8);
            *digit = u8::try_from(carry % base).unwrap_or_default();
            carry /= base;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % base).unwrap_or_default());
            carry /= base;
        }
    }
    digits.iter().rev().filter_map(|digit| alphabet.get(usize::from(*digit)).copied()).collect()
}

/// Decodes a word of base58; `None` when a character is not of its alphabet.
pub(super) fn from_base58(word: &[u8]) -> Option<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    for character in word {
        let mut carry = u32::try_from(BASE58.iter().position(|digit| digit == character)?).ok()?;
        for byte in &mut bytes {
            carry = carry.saturating_add(u32::from(*byte).saturating_mul(58));
            *byte = u8::try_from(carry & 0xff).unwrap_or_default();
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push(u8::try_from(carry & 0xff).unwrap_or_default());
            carry >>= 8;
        }
    }
    bytes.reverse();
    Some(bytes)
}

/// Decodes digits of `bits` bits each. Digits that are not of the alphabet end the text.
pub(super) fn from_bits(word: impl Iterator<Item = u8>, value_of: impl Fn(u8) -> Option<u8>, bits: u32) -> Vec<u8> {
    let (mut held, mut count, mut out) = (0_u32, 0_u32, Vec::new());
    for value in word.map_while(value_of) {
        held = (held << bits) | u32::from(value);
        count = count.saturating_add(bits);
        if count >= 8 {
            count = count.saturating_sub(8);
            out.push(u8::try_from((held >> count) & 0xff).unwrap_or_default());
            held &= (1 << count) - 1;
        }
    }
    out
}

/// Returns the value of a base64 digit in either alphabet.
pub(super) const fn base64_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Returns the value of a base32 digit of RFC 4648.
pub(super) const fn base32_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a'),
        b'2'..=b'7' => Some(digit - b'2' + 26),
        _ => None,
    }
}

/// Decodes base85; `None` when a character is not of the alphabet or a group is too large.
pub(super) fn from_base85(word: &[u8], alphabet: &[u8; 85]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(word.len());
    for group in word.chunks(5) {
        let mut value = 0_u64;
        for place in 0..5 {
            let digit = match group.get(place) {
                Some(character) => u64::try_from(alphabet.iter().position(|digit| digit == character)?).ok()?,
                None => 84,
            };
            value = value.saturating_mul(85).saturating_add(digit);
        }
        let bytes = u32::try_from(value).ok()?.to_be_bytes();
        out.extend_from_slice(bytes.get(..group.len().saturating_sub(1))?);
    }
    Some(out)
}
