//! `testkit through FIXTURE`: starts daemon and HTTP gateway in a temporary directory, with the fixture as the only
//! server. Prints the address, and ends when stdin ends.

use std::io::Write;

use briefcase_testkit::{DaemonProcess, GatewayProcess, SetupOptions, TempHome};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [command, fixture] if command == "through" => through(fixture).await,
        _ => Err("usage: testkit through FIXTURE".into()),
    }
}

async fn through(fixture: &str) -> Result<(), Box<dyn std::error::Error>> {
    let home = TempHome::new();
    let setup = SetupOptions::default();
    let (daemon, made) = DaemonProcess::new(&home, &setup).await;
    let spec = json!({ "transport": "stdio", "argv": [fixture] });
    let probe: Value = daemon.admin.post("/v1/servers/probe", &spec).await;
    // Every tool is registered as a read. A simulated person allows the remaining approvals (for a server that requests
    // sampling).
    let tools = probe.get("tools").and_then(Value::as_array).into_iter().flatten();
    let tools: Vec<&str> = tools.filter_map(|tool| tool.get("name")?.as_str()).collect();
    daemon.admin.add_server("conformance", &spec, &tools, &setup.pin).await;
    let person = daemon.admin.allow_everything(&setup.pin);
    let gateway = GatewayProcess::http(&home, &made.token, Some("conformance")).await;
    let mut out = std::io::stdout();
    writeln!(out, "{}", gateway.url_with_token())?;
    out.flush()?;
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await?;
    person.abort();
    daemon.stop().await;
    Ok(())
}
