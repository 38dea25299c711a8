//! The header of an archive is read or rejected, and reading stops within it.
#![no_main]

use briefcase_vault::backup::ArchiveHeader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    if let Ok((_, read)) = ArchiveHeader::read(&mut rest) {
        assert!(read.len() + rest.len() <= data.len());
    }
});
