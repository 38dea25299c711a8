//! Attacks 47, 49 and 50: too large, too slow, too many.

use std::{
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{client::Gateway, daemon::ALICE};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;

#[test]
fn oversized_and_malformed_bodies_are_rejected_cheaply() {
    let gateway = Gateway::start();
    assert_eq!(gateway.post(&[], INITIALIZE).status, 200);
    let before = gateway.program.resident();
    let too_long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":"{}"}}}}"#, "x".repeat(5 << 20));
    assert_eq!(gateway.post(&[], &too_long).status, 413);
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let keys: Vec<String> = (0..100_000).map(|key| format!("\"k{key}\":0")).collect();
    let digits = "9".repeat(1_000_000);
    let bodies = [
        deep,
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{{}}}}}"#, keys.join(",")),
        format!(r#"{{"jsonrpc":"2.0","id":{digits},"method":"ping"}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{digits}}}}}"#),
        format!("[{}]", vec![r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#; 1000].join(",")),
        String::new(),
    ];
    for body in &bodies {
        let start = Instant::now();
        assert_eq!(gateway.post(&[], body).status, 400, "{}", &body[..body.len().min(60)]);
        assert!(start.elapsed() < Duration::from_secs(4), "took {:?}", start.elapsed());
    }
    let grown = gateway.program.resident().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more");
    assert_eq!(gateway.post(&[("Content-Encoding", "gzip")], INITIALIZE).status, 415);
    let mut connection = gateway.connect();
    let host = gateway.address;
    connection.send(format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ALICE}\r\nContent-Type: application/json\r\nAccept: */*\r\n\r\n").as_bytes());
    assert!(matches!(connection.reply().status, 400 | 411));
}

#[test]
fn slow_clients_are_disconnected() {
    let gateway = Gateway::start();
    let start = Instant::now();
    let host = gateway.address;
    let mut silent = gateway.connect();
    let mut slow = gateway.connect();
    slow.send(b"POST /mcp HTTP/1.1\r\n");
    let mut second_head = gateway.connect();
    second_head.post(ALICE, &[], INITIALIZE);
    assert_eq!(second_head.reply().status, 200);
    second_head.send(b"POST /mcp");
    let mut body = gateway.connect();
    body.send(format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ALICE}\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: 100\r\n\r\n{{").as_bytes());
    // Sending a byte now and then does not extend the time.
    let mut dripping = slow.stream.get_ref().try_clone().unwrap();
    std::thread::spawn(move || {
        while dripping.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(500));
        }
    });
    assert!(silent.is_closed() && slow.is_closed() && second_head.is_closed());
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    assert_eq!(body.reply().status, 408);
    assert!(body.is_closed());
    assert!(start.elapsed() < Duration::from_secs(18), "{:?}", start.elapsed());
}

#[test]
fn idle_connections_do_not_block_others() {
    let gateway = Gateway::start();
    let mut honest = gateway.connect();
    honest.post(ALICE, &[], INITIALIZE);
    assert_eq!(honest.reply().status, 200);
    let crowd: Vec<_> = (0..1000).filter_map(|_| TcpStream::connect(gateway.address).ok()).collect();
    assert!(crowd.len() > 500, "only {} connections", crowd.len());
    for _ in 0..20 {
        let start = Instant::now();
        let fresh = gateway.post(&[], INITIALIZE);
        assert_eq!(fresh.status, 200);
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
    honest.post(ALICE, &[], INITIALIZE);
    assert_eq!(honest.reply().status, 200, "an honest connection was closed");
}

#[test]
fn a_reader_that_never_reads_does_not_fill_memory() {
    let gateway = Gateway::start();
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let mut stuck = Vec::new();
    for id in 0..8 {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"big","arguments":{{"bytes":7000000}},{meta}}}}}"#
        );
        let mut connection = gateway.connect();
        connection.post(
            ALICE,
            &[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "big")],
            &body,
        );
        stuck.push(connection);
    }
    assert_eq!(gateway.post(&[], INITIALIZE).status, 200);
    assert!(gateway.program.resident() < 160 * 1024, "{} KiB", gateway.program.resident());
}
