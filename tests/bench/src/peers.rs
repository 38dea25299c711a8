//! Other bridges, in the same run, over Streamable HTTP with 16 calls in flight. They record nothing; Briefcase does.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use briefcase_testkit::{GatewayProcess, program};

use crate::{
    http::Endpoint,
    running_briefcase::RunningBriefcase,
    table::{Table, ms, percentile},
};

const IN_FLIGHT: usize = 16;

struct Peer {
    name: &'static str,
    command: Command,
    path: &'static str,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn peers(folder: &Path, upstream_http: u16) -> Vec<(Peer, u16)> {
    let child = program("fast-upstream").display().to_string();
    let npm = |name: &str| folder.join("npm/node_modules/.bin").join(name);
    let pip = |name: &str| folder.join("pip/bin").join(name);
    let make = |name, program: std::path::PathBuf, path, args: Vec<String>, port: u16| {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        (Peer { name, command, path }, port)
    };
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let ports: Vec<u16> = (0..4).map(|_| free_port()).collect();
    let port = |n: usize| ports[n].to_string();
    vec![
        make(
            "npm supergateway 4.0.0",
            npm("supergateway"),
            "/mcp",
            text(&["--stdio", &child, "--outputTransport", "streamableHttp", "--stateful", "--port", &port(0)]),
            ports[0],
        ),
        make(
            "npm mcp-proxy 6.7.19",
            npm("mcp-proxy"),
            "/mcp",
            text(&["--host", "127.0.0.1", "--port", &port(1), "--server", "stream", "--", &child]),
            ports[1],
        ),
        make(
            "PyPI mcp-proxy 0.13.0",
            pip("mcp-proxy"),
            "/mcp",
            text(&["--host", "127.0.0.1", "--port", &port(2), "--", &child]),
            ports[2],
        ),
        make(
            "PyPI fastmcp 3.4.10 proxy",
            pip("fastmcp"),
            "/mcp",
            text(&[
                "run",
                &format!("http://127.0.0.1:{upstream_http}/mcp"),
                "--transport",
                "http",
                "--host",
                "127.0.0.1",
                "--port",
                &port(3),
            ]),
            ports[3],
        ),
    ]
}

/// Measures Briefcase, then each of the other bridges.
pub fn beside(table: &mut Table, folder: Option<&Path>, quick: bool) {
    let calls = if quick { 300 } else { 2_000 };
    let briefcase = RunningBriefcase::new(false);
    let gateway = briefcase.runtime.block_on(GatewayProcess::http(&briefcase.home, &briefcase.made.token, None));
    let ours = Endpoint {
        address: gateway.address().to_owned(),
        path: "/mcp".into(),
        authorization: Some(gateway.authorization()),
    };
    let p50 = |endpoint: &Endpoint, tool: &str| -> Result<Duration, String> {
        endpoint.calls(tool, 50, IN_FLIGHT).map_err(|error| error.to_string())?;
        let mut took = endpoint.calls(tool, calls, IN_FLIGHT).map_err(|error| error.to_string())?;
        Ok(percentile(&mut took, 50))
    };
    let best = p50(&ours, "fast__echo").expect("our own calls");
    table.note(format!("Briefcase over HTTP, {IN_FLIGHT} in flight, durable receipts, p50"), ms(best));
    let Some(folder) = folder else {
        table.note("other bridges", "not measured: run `cargo xtask bench`");
        return;
    };
    let upstream_port = free_port();
    let mut upstream =
        Command::new(program("fast-upstream")).arg(upstream_port.to_string()).spawn().expect("the upstream");
    let direct = Endpoint { address: format!("127.0.0.1:{upstream_port}"), path: "/mcp".into(), authorization: None };
    ready(&direct, &mut upstream).expect("the upstream answers");
    table.note("the upstream itself over HTTP, no bridge, p50", p50(&direct, "echo").map_or_else(|why| why, ms));
    for (mut peer, port) in peers(folder, upstream_port) {
        let endpoint = Endpoint { address: format!("127.0.0.1:{port}"), path: peer.path.into(), authorization: None };
        match peer.command.spawn() {
            Err(error) => table.note(peer.name, format!("could not be started: {error}")),
            Ok(mut child) => {
                let measured = ready(&endpoint, &mut child).and_then(|()| p50(&endpoint, "echo"));
                match measured {
                    // Briefcase is measured again right after, so that a drifting machine affects both.
                    Ok(theirs) => {
                        let again = p50(&ours, "fast__echo").expect("our own calls");
                        let ratio = theirs.as_secs_f64() / again.as_secs_f64();
                        table.goal(
                            format!("{}, the same calls, p50", peer.name),
                            ms(theirs),
                            format!("Briefcase faster ({} right after: {ratio:.1} ×)", ms(again)),
                            again < theirs,
                        );
                    }
                    Err(error) => table.note(peer.name, format!("could not be measured: {error}")),
                }
                drop(child.kill());
                drop(child.wait());
            }
        }
    }
    drop(upstream.kill());
    drop(upstream.wait());
}

fn ready(endpoint: &Endpoint, child: &mut Child) -> Result<(), String> {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended with {status}"));
        }
        match endpoint.open() {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > end => return Err(error.to_string()),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}
