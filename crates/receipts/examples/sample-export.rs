//! Writes an export of invented receipts, to measure and try `receipts-verify`: `sample-export FOLDER COUNT`. Prints
//! the public key. The signing key is a constant, so its signatures prove nothing.

use std::{error::Error, io::Write as _};

use briefcase_receipts::{LogFolder, export::export};

#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests, of which it is a part")]
#[path = "../tests/it/sample.rs"]
mod sample;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: sample-export FOLDER COUNT".into());
    };
    let receipts = sample::story(count.parse()?);
    let head = sample::head_of(&receipts, &sample::signing_key());
    export(&receipts[..], &head, &mut LogFolder::new(folder))?;
    writeln!(std::io::stdout(), "{}", sample::key())?;
    Ok(())
}
