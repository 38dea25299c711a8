//! Writes a state folder of this version for `vectors/state`: `cargo run -p e2e --bin write_state -- FOLDER`.

use std::path::PathBuf;

#[tokio::main]
async fn main() {
    let into = std::env::args_os().nth(1).map(PathBuf::from);
    match into {
        Some(folder) => e2e::past_state::write(&folder).await,
        None => std::process::exit(2),
    }
}
