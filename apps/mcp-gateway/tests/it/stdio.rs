//! Standard input and output.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{ChildStdin, ChildStdout},
};

use serde_json::{Value, json};

use crate::{
    client::Program,
    daemon::{ALICE, Daemon, private},
};

struct Client {
    program: Program,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(dir: &Path) -> Self {
        Self::with_token(dir, ALICE)
    }

    fn with_token(dir: &Path, token: &str) -> Self {
        let (file, socket) = (dir.join("token"), dir.join("agent.sock"));
        fs::write(&file, token).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let arguments = ["--token-file", file.to_str().unwrap(), "--socket", socket.to_str().unwrap()];
        let mut program = Program::start(&arguments);
        let (input, output) = (program.child.stdin.take(), BufReader::new(program.child.stdout.take().unwrap()));
        Self { program, input, output }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn request(&mut self, message: &Value) {
        self.send(format!("{message}\n").as_bytes());
    }

    /// The next line, which must be a JSON-RPC message.
    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not protocol: {line:?}"));
        assert_eq!(message["jsonrpc"], "2.0");
        message
    }

    fn call(&mut self, id: u32, tool: &str, arguments: &Value) -> Value {
        self.request(&call(id, tool, arguments));
        self.answer()
    }

    /// Closes standard input. Returns the remaining output and whether the program succeeded.
    fn finish(mut self) -> (String, bool) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (rest, self.program.child.wait().unwrap().success())
    }
}

fn call(id: u32, tool: &str, arguments: &Value) -> Value {
    json!({"jsonrpc":"2.0","id":id,"method":"tools/call","params":{"name":tool,"arguments":arguments}})
}

#[test]
fn messages_pass_both_ways_and_nothing_else_is_written() {
    let dir = private();
    let daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    client.request(&json!({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}));
    assert_eq!(client.answer()["result"]["serverInfo"]["name"], "alice");
    client.request(&json!({"jsonrpc":"2.0","method":"notifications/initialized"}));
    assert_eq!(client.call(1, "echo", &json!({"a": 1}))["result"]["echo"], json!({"a": 1}));
    client.request(&call(2, "progress", &json!({})));
    assert_eq!(client.answer()["params"]["progress"], 1);
    assert_eq!(client.answer()["params"]["progress"], 2);
    assert_eq!(client.answer()["result"]["done"], true);
    client.request(&call(3, "ask", &json!({})));
    let question = client.answer();
    client.request(&json!({"jsonrpc":"2.0","id":question["id"],"result":{"text":"hi"}}));
    assert_eq!(client.answer()["result"]["client_said"]["text"], "hi");
    assert_eq!(client.call(4, "pretty", &json!({}))["result"], json!({}));
    assert_eq!(client.finish(), (String::new(), true));
    daemon.expect("the end", |frame| matches!(frame, briefcase_ipc::ToDaemon::Close { .. }));
}

#[test]
fn a_thousand_requests_may_be_in_flight() {
    let dir = private();
    let _daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    let all: String = (0..1000).map(|id| format!("{}\n", call(id, "echo", &json!({"n": id})))).collect();
    client.send(all.as_bytes());
    let mut ids: Vec<_> = (0..1000).map(|_| client.answer()["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..1000).collect::<Vec<_>>());
    // Requests sent before standard input closed are still answered.
    client.request(&call(1000, "echo", &json!({})));
    assert_eq!(client.finish().0.lines().count(), 1);
}

/// Attack 41: every input gets one clear answer, and the next message is served.
#[test]
fn garbage_gets_an_error_and_is_skipped() {
    let dir = private();
    let daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    client.call(0, "echo", &json!({}));
    daemon.frames();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}1{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let digits = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}}}}}"#, "9".repeat(1_000_000));
    let keys: Vec<String> = (0..20_000).map(|key| format!("\"k{key}\":0")).collect();
    let keys = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{{}}}}}"#, keys.join(","));
    let cases: [(&[u8], i64); 15] = [
        (b"nonsense", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"", -32700),
        (b"\xff\xfe\x00\x01", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xc3\x28\"}", -32700),
        (b"\xef\xbb\xbf\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}{}", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud800\"}", -32700),
        (deep.as_bytes(), -32700),
        (digits.as_bytes(), -32700),
        (keys.as_bytes(), -32700),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", -32600),
        (b"Content-Length: 20", -32700),
    ];
    for (number, (line, code)) in cases.into_iter().enumerate() {
        client.send(line);
        client.send(b"\n");
        assert_eq!(client.answer()["error"]["code"], code, "{}", String::from_utf8_lossy(&line[..line.len().min(60)]));
        let id = u32::try_from(number + 100).unwrap();
        assert_eq!(client.call(id, "echo", &json!({}))["id"], id);
    }
    assert_eq!(daemon.frames().len(), cases.len(), "garbage reached the daemon");
}

#[test]
fn an_endless_line_is_dropped_on_arrival() {
    let dir = private();
    let _daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    client.call(1, "echo", &json!({}));
    let before = client.program.resident();
    let megabyte = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        client.send(&megabyte);
    }
    client.send(b"\n");
    let answer = client.answer();
    assert_eq!((answer["error"]["code"].clone(), answer.get("id")), (json!(-32600), None));
    assert_eq!(client.call(2, "echo", &json!({}))["id"], 2);
    let grown = client.program.resident().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    // A message just under the limit is served, and a large answer arrives complete.
    let large = client.call(3, "echo", &json!({"text": "x".repeat(4_000_000)}));
    assert_eq!(large["result"]["echo"]["text"].as_str().unwrap().len(), 4_000_000);
    assert_eq!(
        client.call(4, "big", &json!({"bytes": 6_000_000}))["result"]["text"].as_str().unwrap().len(),
        6_000_000
    );
}

#[test]
fn an_end_inside_a_message_is_not_a_message() {
    let dir = private();
    let daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    client.call(1, "echo", &json!({}));
    daemon.frames();
    client.send(br#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ec"#);
    let (rest, ended_well) = client.finish();
    assert!(rest.contains("-32700") && ended_well, "{rest}");
    assert!(daemon.frames().iter().all(|frame| !matches!(frame, briefcase_ipc::ToDaemon::Message { .. })));
    // A complete message at the end of the input needs no line end.
    let mut client = Client::start(dir.path());
    client.send(br#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
    assert!(client.finish().0.contains(r#""id":2"#));
}

#[test]
fn without_a_daemon_requests_give_the_next_step_and_work_once_it_runs() {
    let dir = private();
    let mut client = Client::start(dir.path());
    let refused = client.call(7, "echo", &json!({}));
    let error = &refused["error"];
    assert_eq!(
        (&refused["id"], &error["code"], &error["data"]["code"]),
        (&json!(7), &json!(-31999), &json!("unavailable"))
    );
    assert!(error["data"]["next_step"].as_str().unwrap().contains("briefcase up"), "{error}");
    let _daemon = Daemon::start(dir.path());
    let served = (0..100).map(|id| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        client.call(id, "echo", &json!({}))
    });
    assert!(served.into_iter().any(|answer| answer["result"]["agent"] == "alice"), "never connected");
}

#[test]
fn an_unknown_or_missing_token_is_reported_to_the_agent() {
    let dir = private();
    let _daemon = Daemon::start(dir.path());
    let mut unknown = Client::with_token(dir.path(), "bca_nobody_0123456789abcdef");
    let error = unknown.call(1, "echo", &json!({}))["error"].clone();
    assert_eq!(error["data"]["code"], "denied");
    assert!(!error.to_string().contains("nobody"));
    let mut none = Client::with_token(dir.path(), "");
    assert!(
        none.call(1, "echo", &json!({}))["error"]["data"]["next_step"]
            .as_str()
            .unwrap()
            .contains("briefcase agent add")
    );
}

fn session(client: &mut Client) {
    let initialize =
        json!({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","x":1}});
    client.request(&initialize);
    client.answer();
    client.request(&json!({"jsonrpc":"2.0","method":"notifications/initialized"}));
}

/// The methods of the messages in the frames, and the number of conversations.
fn methods(frames: &[briefcase_ipc::ToDaemon]) -> (usize, Vec<String>) {
    let opened = frames.iter().filter(|frame| matches!(frame, briefcase_ipc::ToDaemon::Open { .. })).count();
    let messages = frames.iter().filter_map(|frame| match frame {
        briefcase_ipc::ToDaemon::Message { json, .. } => serde_json::from_slice::<Value>(json).ok(),
        _ => None,
    });
    (opened, messages.map(|message| message["method"].as_str().unwrap_or("response").to_owned()).collect())
}

#[test]
fn a_session_outlives_a_lost_connection_and_no_request_is_sent_twice() {
    let dir = private();
    let daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    session(&mut client);
    client.request(&call(1, "hang", &json!({})));
    client.request(&call(3, "ask", &json!({})));
    let question = client.answer();
    client.request(&call(2, "die", &json!({})));
    let mut unanswered: Vec<_> = (0..4).map(|_| client.answer()).collect();
    let cancelled = unanswered.pop().unwrap();
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], question["id"]);
    unanswered.sort_by_key(|answer| answer["id"].as_u64());
    assert!(unanswered.iter().all(|answer| answer["error"]["data"]["code"] == "unavailable"), "{unanswered:?}");
    assert!(unanswered[0]["error"]["message"].as_str().unwrap().contains("not known whether"), "{unanswered:?}");
    let ids: Vec<_> = unanswered.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(client.answer()["method"], "notifications/tools/list_changed", "prompts do not change in this session");
    assert_eq!(client.call(4, "echo", &json!({}))["result"]["agent"], "alice");
    let (opened, methods) = methods(&daemon.frames());
    assert_eq!(opened, 2);
    let call = "tools/call";
    let handshake = ["initialize", "notifications/initialized"];
    assert_eq!(methods, [&handshake[..], &[call, call, call], &handshake, &[call]].concat());
    assert_eq!(client.finish(), (String::new(), true));
}

#[test]
fn a_session_waits_for_a_stopped_daemon() {
    let dir = private();
    let daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    session(&mut client);
    client.call(1, "echo", &json!({}));
    drop(daemon);
    for id in 2..5 {
        let error = client.call(id, "echo", &json!({}))["error"].clone();
        assert_eq!(error["data"]["code"], "unavailable");
        assert!(error["data"]["next_step"].as_str().unwrap().contains("briefcase up"), "{error}");
    }
    client.request(&json!({"jsonrpc":"2.0","id":5,"method":"ping"}));
    assert_eq!(client.answer()["result"], json!({}), "the client's probe of this process");
    for round in 0..3 {
        let daemon = Daemon::start(dir.path());
        assert_eq!(client.answer()["method"], "notifications/tools/list_changed");
        assert_eq!(client.call(10 + round, "echo", &json!({}))["result"]["agent"], "alice");
        let (opened, methods) = methods(&daemon.frames());
        assert_eq!(
            (opened, methods),
            (1, ["initialize", "notifications/initialized", "tools/call"].map(str::to_owned).to_vec())
        );
        drop(daemon);
    }
    assert_eq!(client.finish(), (String::new(), true));
}

/// What real clients write around and inside messages.
#[test]
fn marks_line_ends_and_nulls_of_clients_are_accepted() {
    let dir = private();
    let daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    let lines: [&[u8]; 9] = [
        b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n",
        b"\xef\xbb\xbf\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n",
        b"\n\r\n \t\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n",
        b"  {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} \t \n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":null}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":null,\"_meta\":null}}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":null,\"error\":null}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":null}}\n",
        b"\xef\xbb\xbf \n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n",
    ];
    for line in lines {
        client.send(line);
        let mut answer = client.answer();
        if answer["error"]["code"] == -32600 {
            // A message that is a request and a response at once is neither. The line after it is served.
            answer = client.answer();
        }
        assert!(answer["result"].is_object() && answer["id"] == 1, "{}: {answer}", String::from_utf8_lossy(line));
    }
    assert_eq!(client.finish(), (String::new(), true));
    assert!(daemon.frames().len() > lines.len());
}

#[test]
fn a_client_without_a_session_is_reconnected() {
    let dir = private();
    let _daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    assert!(client.call(1, "die", &json!({}))["error"].is_object());
    let served = (2..100).map(|id| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        client.call(id, "echo", &json!({}))
    });
    assert!(served.into_iter().any(|answer| answer["result"].is_object()), "never connected again");
}

#[test]
fn the_process_uses_little_memory() {
    let dir = private();
    let _daemon = Daemon::start(dir.path());
    let mut client = Client::start(dir.path());
    client.call(1, "echo", &json!({}));
    // An unoptimised build is larger than the release build, whose limit is 10 MB.
    assert!(client.program.resident() < 20 * 1024, "{} KiB", client.program.resident());
}
