//! Attack 38: bytes that two HTTP parsers could read differently.

use briefcase_ipc::ToDaemon;

use crate::{client::Gateway, daemon::ALICE};

const BODY: &str = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;

#[test]
fn ambiguous_requests_are_rejected_and_end_the_connection() {
    let gateway = Gateway::start();
    let host = format!("Host: {}\r\n", gateway.address);
    let rest = format!("Authorization: Bearer {ALICE}\r\nContent-Type: application/json\r\nAccept: */*\r\n");
    let length = BODY.len();
    let huge = "x".repeat(40 * 1024);
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    let chunked = format!("{length:x}\r\n{BODY}\r\n0\r\n\r\n");
    let hidden = format!("POST /mcp HTTP/1.1\r\n{host}{rest}Content-Length: {length}\r\n\r\n{BODY}");
    let post = "POST /mcp HTTP/1.1\r\n";
    let corpus: Vec<String> = vec![
        format!("{post}{host}{rest}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("{post}{host}{rest}Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{chunked}"),
        format!("{post}{host}{rest}Transfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("{post}{host}{rest}Transfer-Encoding: identity\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Transfer-Encoding: xchunked\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Transfer-Encoding : chunked\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Transfer-Encoding: chunked, identity\r\n\r\n{chunked}"),
        format!("{post}{host}{rest}Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length: {length}, 0\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length: +{length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length: -1\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length: 0x2c\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length: 99999999999999999999999\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length: 0\r\n\r\n{hidden}"),
        format!("{post}{host}{rest}Content-Length: {length}\r\n\r\n{BODY}{hidden}"),
        format!("{post}{host}{rest}X: a\r\n b\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}X: a\r\n\tb\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("POST /mcp HTTP/1.1\n{host}{rest}Content-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length: {length}\n\n{BODY}"),
        format!("{post}{host}{rest}X: a\rContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}X: a\0b\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}X\0: ab\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}: ab\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}Content-Length : {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}X: {huge}\r\nContent-Length: {length}\r\n\r\n{BODY}"),
        format!("{post}{host}{rest}{many}Content-Length: {length}\r\n\r\n{BODY}"),
        format!("POST /{huge} HTTP/1.1\r\n{host}{rest}Content-Length: {length}\r\n\r\n{BODY}"),
        format!("POST  /mcp HTTP/1.1\r\n{host}{rest}Content-Length: {length}\r\n\r\n{BODY}"),
        format!("POST /mcp HTTP/1.2\r\n{host}{rest}Content-Length: {length}\r\n\r\n{BODY}"),
        format!("POST /mcp\r\n{host}{rest}Content-Length: {length}\r\n\r\n{BODY}"),
        format!("\r\n{post}{host}{rest}Content-Length: {length}\r\n\r\n{BODY}"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{hidden}"),
        format!("CONNECT 127.0.0.1:22 HTTP/1.1\r\n{host}{rest}\r\n{hidden}"),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".into(),
    ];
    for (number, bytes) in corpus.iter().enumerate() {
        let mut connection = gateway.connect();
        connection.send(bytes.as_bytes());
        let reply = connection.reply();
        let shown = &bytes[..bytes.len().min(300)];
        assert!(matches!(reply.status, 0 | 400..=499 | 505), "case {number}: {} for {shown:?}", reply.status);
        assert!(connection.is_closed(), "case {number}: the connection stays open after {shown:?}");
    }
    let reached: Vec<_> = gateway.daemon.frames();
    assert!(!reached.iter().any(|frame| matches!(frame, ToDaemon::Message { .. })), "{reached:?}");
}

#[test]
fn one_connection_serves_many_requests_at_any_split() {
    let gateway = Gateway::start();
    let mut connection = gateway.connect();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        "note":"line\n"}}"#;
    for cut in [1, 3, 50, 1000] {
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {ALICE}\r\nContent-Type: application/json\r\n\
             Accept: */*\r\nContent-Length: {}\r\n\r\n{body}",
            gateway.address,
            body.len()
        );
        for piece in request.as_bytes().chunks(cut) {
            connection.send(piece);
        }
        assert_eq!(connection.reply().status, 200, "cut every {cut} bytes");
    }
}
