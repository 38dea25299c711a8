//! Encodes small numbers and lists of byte strings.
//!
//! Invariant: decoding accepts any bytes, never panics, and never allocates more than the input's size allows.

/// Appends a number: seven bits per byte, low bits first.
pub(crate) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Removes a number from the front and returns it.
pub(crate) fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(first & 0x7f);
        let placed = part.checked_shl(shift).filter(|placed| placed >> shift == part)?;
        number |= placed;
        if first & 0x80 == 0 {
            // Only the shortest form is valid, so each number has exactly one encoding.
            return (*first != 0 || shift == 0).then_some(number);
        }
    }
    None
}

/// Appends a byte string with its length.
pub(crate) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(u64::try_from(bytes.len()).unwrap_or(u64::MAX), out);
    out.extend_from_slice(bytes);
}

/// Removes a byte string from the front and returns it.
pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Encodes rising numbers as differences.
pub(crate) fn rising(numbers: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(numbers.len());
    let mut next = 0;
    for number in numbers {
        put_number(number.saturating_sub(next), &mut out);
        next = number.saturating_add(1);
    }
    out
}

/// Decodes rising numbers from differences.
pub(crate) fn take_rising(mut bytes: &[u8]) -> Option<Vec<u64>> {
    let (mut numbers, mut next) = (Vec::new(), 0_u64);
    while !bytes.is_empty() {
        let number = next.checked_add(take_number(&mut bytes)?)?;
        numbers.push(number);
        next = number.checked_add(1)?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(numbers: Vec<u64>, strings: Vec<Vec<u8>>) {
            let mut out = Vec::new();
            numbers.iter().for_each(|number| put_number(*number, &mut out));
            strings.iter().for_each(|string| put_bytes(string, &mut out));
            let mut rest = out.as_slice();
            for number in &numbers {
                prop_assert_eq!(take_number(&mut rest), Some(*number));
            }
            for string in &strings {
                prop_assert_eq!(take_bytes(&mut rest), Some(string.as_slice()));
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn a_number_has_one_form(bytes: Vec<u8>) {
            let mut rest = bytes.as_slice();
            if let Some(number) = take_number(&mut rest) {
                let mut again = Vec::new();
                put_number(number, &mut again);
                prop_assert_eq!(&bytes[..bytes.len() - rest.len()], again.as_slice());
            }
        }

        #[test]
        fn rising_lists_come_back(set: std::collections::BTreeSet<u32>) {
            let numbers: Vec<u64> = set.into_iter().map(u64::from).collect();
            prop_assert_eq!(take_rising(&rising(&numbers)), Some(numbers));
        }
    }
}
