//! Accepted and rejected HTTP requests.

use briefcase_ipc::ToDaemon;

use crate::{
    client::{Connection, Gateway, Program, serve_http},
    daemon::{ALICE, BOB, Daemon, private},
};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;

fn ask(gateway: &Gateway, head: &str) -> u16 {
    let mut connection = gateway.connect();
    let length = PING.len();
    connection
        .send(format!("{head}Authorization: Bearer {ALICE}\r\nContent-Length: {length}\r\n\r\n{PING}").as_bytes());
    connection.reply().status
}

/// Attack 36: a request that a web page could cause is rejected without effect, even with a valid credential.
#[test]
fn requests_that_a_web_page_could_send_have_no_effect() {
    let gateway = Gateway::start();
    let host = format!("Host: {}\r\n", gateway.address);
    let json = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
    let port = gateway.address.port();
    let hosts = [
        "evil.example.com".to_owned(),
        format!("evil.example.com:{port}"),
        format!("localhost.evil:{port}"),
        format!("127.0.0.1.nip.io:{port}"),
        format!("localhost.:{port}"),
        format!("LOCALHOST:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        "null".into(),
        "localhost".into(),
        format!("127.0.0.1:{}", port ^ 1),
    ];
    for name in &hosts {
        assert_eq!(ask(&gateway, &format!("POST /mcp HTTP/1.1\r\nHost: {name}\r\n{json}")), 403, "{name}");
    }
    let browser = [
        "Origin: http://evil.example.com",
        "Origin: null",
        "Origin: http://localhost",
        "Referer: http://evil.example.com/",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-Mode: no-cors",
        "Sec-Fetch-Dest: iframe",
        "Cookie: session=1",
        "X-Forwarded-Host: evil.example.com",
        "Forwarded: host=evil",
        "Sec-WebSocket-Key: abc",
    ];
    for header in browser {
        assert_eq!(ask(&gateway, &format!("POST /mcp HTTP/1.1\r\n{host}{json}{header}\r\n")), 403, "{header}");
    }
    let shapes = [
        (format!("POST /mcp HTTP/1.1\r\n{host}Content-Type: text/plain\r\nAccept: */*\r\n"), 415),
        (
            format!("POST /mcp HTTP/1.1\r\n{host}Content-Type: application/x-www-form-urlencoded\r\nAccept: */*\r\n"),
            415,
        ),
        (format!("POST /mcp HTTP/1.1\r\n{host}Accept: */*\r\n"), 415),
        (format!("OPTIONS /mcp HTTP/1.1\r\n{host}Access-Control-Request-Method: POST\r\n"), 403),
        (format!("PUT /mcp HTTP/1.1\r\n{host}{json}"), 405),
        (format!("POST http://{}/mcp HTTP/1.1\r\n{host}{json}", gateway.address), 403),
    ];
    for (head, status) in &shapes {
        assert_eq!(ask(&gateway, head), *status, "{head}");
    }
    assert_eq!(
        ask(
            &gateway,
            &format!(
                "GET /mcp HTTP/1.1\r\n{host}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\n"
            )
        ),
        403
    );
    assert!(gateway.daemon.frames().is_empty(), "something reached the daemon");
    assert_eq!(ask(&gateway, &format!("POST /mcp HTTP/1.1\r\n{host}{json}")), 200);
    assert_eq!(
        ask(&gateway, &format!("POST /mcp HTTP/1.1\r\n{host}{json}Origin: http://{}\r\n", gateway.address)),
        200
    );
    assert_eq!(ask(&gateway, &format!("POST /mcp HTTP/1.1\r\n{host}{json}Sec-Fetch-Mode: cors\r\n")), 200);
}

#[test]
fn the_daemon_decides_about_credentials() {
    let gateway = Gateway::start();
    let with = |path: &str, authorization: &str| {
        let (mut connection, host, length) = (gateway.connect(), gateway.address, PING.len());
        connection.send(
            format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Content-Type: application/json\r\nAccept: */*\r\n\
                 Content-Length: {length}\r\n\r\n{PING}"
            )
            .as_bytes(),
        );
        connection.reply()
    };
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    assert_eq!(with("/mcp", &bearer(BOB)).json()["result"]["serverInfo"]["name"], "bob");
    assert_eq!(with(&format!("/{ALICE}/mcp"), "").json()["result"]["serverInfo"]["name"], "alice");
    for authorization in ["", "Authorization: Basic YTpi\r\n", &bearer("bca_unknown_0123456789abcd"), &bearer("x")] {
        let refused = with("/mcp", authorization);
        assert_eq!((refused.status, refused.header("www-authenticate").is_some()), (401, true), "{authorization}");
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains("agent"), "no next step");
    }
    assert_eq!(with("/bca_unknown_0123456789abcd/mcp", "").status, 401);
    assert_eq!(with(&format!("/{ALICE}/mcp"), &bearer(ALICE)).status, 400);
    for path in ["/", "/mcp/", "/admin", "/v1/approvals", "/v1/unlock", "/.well-known/oauth-protected-resource"] {
        assert_eq!(with(path, &bearer(ALICE)).status, 404, "{path}");
    }
}

#[test]
fn guessing_tokens_is_slowed_down_for_unknown_tokens_only() {
    let gateway = Gateway::start();
    assert_eq!(gateway.post(&[], PING).status, 200);
    let guess = |number: u32| {
        let mut connection = gateway.connect();
        connection.post(&format!("bca_guess_{number:020}"), &[], PING);
        connection.reply().status
    };
    let answers: Vec<u16> = (0..40).map(guess).collect();
    assert!(answers.starts_with(&[401; 30]) && answers.ends_with(&[429; 5]), "{answers:?}");
    assert_eq!(gateway.post(&[], PING).status, 200);
}

#[test]
fn an_allowed_origin_may_send_requests_and_read_responses() {
    let gateway = Gateway::with(&["--allow-origin", "https://inspector.example"]);
    let origin = ("Origin", "https://inspector.example");
    let mut preflight = gateway.connect();
    preflight.without_body("OPTIONS", ALICE, &[origin, ("Access-Control-Request-Method", "POST")]);
    let answer = preflight.reply();
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("https://inspector.example")));
    let asked = gateway.post(&[origin, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors")], PING);
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (200, Some("https://inspector.example")));
    assert_eq!(gateway.post(&[("Origin", "https://other.example")], PING).status, 403);
    assert_eq!(gateway.post(&[], PING).header("access-control-allow-origin"), None);
}

#[test]
fn a_missing_daemon_and_a_used_port_give_the_next_step() {
    let dir = private();
    let (_program, address) = serve_http(&dir.path().join("agent.sock"), &[]);
    let mut connection = Connection::open(address);
    connection.post(ALICE, &[], PING);
    let refused = connection.reply();
    assert_eq!((refused.status, refused.code()), (503, -31999));
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("Start it with `briefcase up`"));
    let daemon = Daemon::start(dir.path());
    connection.post(ALICE, &[], PING);
    assert_eq!(connection.reply().status, 200);
    daemon.expect("a channel", |frame| matches!(frame, ToDaemon::Open { .. }));
    let mut second = Program::start(&["--http", &address.to_string(), "--socket", "/none", "--token-file", "/none"]);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut second.child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(!second.child.wait().unwrap().success());
    assert!(said.contains("choose another with --http"), "{said}");
}
