//! Unambiguous encoding of several parts: a label, a zero byte, then each part after its length.

use briefcase_types::Digest;

/// Returns `label ‖ 0x00 ‖ (length as 8 big-endian bytes ‖ part)…`, the input of [`Digest::labelled`].
pub(crate) fn framed(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = label.as_bytes().to_vec();
    out.push(0);
    for part in parts {
        out.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Returns the digest of the output of [`framed`].
pub(crate) fn digest(label: &str, parts: &[&[u8]]) -> Digest {
    Digest::labelled(label, parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framed_bytes_are_what_the_labelled_digest_hashes() {
        let parts: [&[u8]; 3] = [b"a", b"", b"bc"];
        assert_eq!(Digest::sha256(&framed("l", &parts)), digest("l", &parts));
    }
}
