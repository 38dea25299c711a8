//! Compares third-party servers directly and through the briefcase: `third_party < servers.json > results.json`.

use std::io::Read as _;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let servers = serde_json::from_str(&text)?;
    let results = e2e::third_party::compare(servers).await;
    serde_json::to_writer_pretty(std::io::stdout(), &results)?;
    Ok(())
}
