//! `mock-upstream SCRIPT RECORD`: a local MCP server that follows its script.

use std::path::PathBuf;

#[tokio::main]
async fn main() {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    if let (Some(script), Some(record)) = (args.next(), args.next()) {
        briefcase_testkit::mock::serve(script, record).await;
    }
}
