//! A slot file is read or rejected. No accepted slot is weaker than the minimum parameters.
#![no_main]

use briefcase_vault::SlotFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = SlotFile::parse(data);
});
