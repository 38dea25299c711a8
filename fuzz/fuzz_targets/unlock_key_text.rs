//! An accepted unlock key is written back as a text that reads as the same key.
#![no_main]

use briefcase_types::SecretString;
use briefcase_vault::UnlockKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: String| {
    let Ok(key) = UnlockKey::parse(&SecretString::new(text)) else { return };
    let written = key.text();
    let again = UnlockKey::parse(&SecretString::new(written.expose(str::to_owned)));
    let again = again.expect("its own text").text();
    assert!(written.expose(|one| again.expose(|two| one == two)));
});
