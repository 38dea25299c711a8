//! An export with attacker-chosen files: verification never panics, and a verified export is the signed log.
//!
//! The input is a list of changes to a valid export of 300 receipts: file, place, and new bytes.
#![no_main]

use std::sync::LazyLock;

use briefcase_receipts::{
    PublicKey,
    verify::{Replay, verify},
};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/receipts/tests/it/sample.rs"]
#[allow(dead_code, reason = "shared with the crate's tests")]
mod sample;

static GOOD: LazyLock<(sample::Files, PublicKey)> =
    LazyLock::new(|| (sample::exported(&sample::story(300)), sample::key()));

fuzz_target!(|bytes: &[u8]| {
    let (good, key) = &*GOOD;
    let mut files = good.clone();
    let mut rest = bytes;
    while let Some(([file, low, high, length], after)) = rest.split_first_chunk::<4>() {
        let (new, after) = after.split_at(after.len().min(usize::from(*length)));
        let place = usize::from(u16::from_le_bytes([*low, *high]));
        let count = files.0.len();
        if let Some(content) = files.0.values_mut().nth(usize::from(*file) % count) {
            let start = place.min(content.len());
            let end = (start + new.len()).min(content.len());
            content.splice(start..end, new.iter().copied());
        }
        rest = after;
    }
    let verified = verify(&files, key, None);
    assert!(verified.is_ok() || files.0 != good.0, "the good export did not verify");
    // The checkpoint may have more signatures; every other byte is the signed one.
    files.0.remove("checkpoint");
    let same = files.0.iter().all(|(path, content)| good.0.get(path) == Some(content));
    assert!(verified.is_err() || same, "a damaged export verified");
    let _story = Replay::new().push(bytes);
});
