//! Attack 70: other programs of this computer shut the person out, or guess the passphrase.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use briefcase_testkit::{
    ClientEra, DaemonProcess, HttpUpstream, MockAction, RawResponse, Script, SetupOptions, TempHome, raw_http,
};
use e2e::Scene;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpStream, UnixStream},
    process::{Child, Command},
};

/// The variable that makes this test program hold connections: the socket, their number, and what each sends.
const GREEDY: &str = "E2E_GREEDY";
/// Half a request. The rest never comes.
const HALF: &str = "POST /v1/policy/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";

/// The greedy program of the tests below: opens connections and holds them until its input ends.
#[tokio::test]
async fn as_greedy() {
    let Some(told) = std::env::var_os(GREEDY) else { return };
    let (socket, count, text): (String, usize, String) = serde_json::from_str(told.to_str().unwrap()).unwrap();
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        let _ = stream.write_all(text.as_bytes()).await;
        held.push(stream);
    }
    println!("\nholds");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.unwrap();
}

/// Starts greedy programs that hold this many connections each.
async fn greedy(processes: usize, socket: &Path, count: usize, text: &str) -> Vec<Child> {
    let mut children = Vec::new();
    for _ in 0..processes {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["attack_70_local_exhaustion::as_greedy", "--exact", "--nocapture"]);
        command.env(GREEDY, json!([socket, count, text]).to_string()).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        while lines.next_line().await.unwrap().expect("the program starts") != "holds" {}
        children.push(child);
    }
    children
}

/// Guards: requests without an end, of many programs, leave the admin socket open for the CLI.
#[tokio::test]
async fn attack_70_half_requests_of_many_programs_leave_the_admin_socket_open() {
    let scene = Scene::new().await;
    let socket = scene.home.runtime().join("admin.sock");
    for (processes, each) in [(6, 24), (3, 60)] {
        let held = greedy(processes, &socket, each, HALF).await;
        for _ in 0..3 {
            let output = scene.home.command("briefcase").arg("status").output().await.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        drop(held);
    }
}

/// Guards: gateways of many programs, with a token or without, leave the agent socket open for another agent.
#[tokio::test]
async fn attack_70_connections_of_many_programs_leave_the_agent_socket_open() {
    let scene = Scene::new().await;
    let _held = greedy(4, &scene.home.runtime().join("agent.sock"), 48, "").await;
    drop(scene.client(ClientEra::Legacy).await);
}

/// Guards: sessions of the console, which need no factor, leave its port open for a person.
#[tokio::test]
async fn attack_70_half_requests_with_sessions_leave_the_console_open() {
    let scene = Scene::new().await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let token = session(&scene).await;
        for _ in 0..24 {
            let mut stream = TcpStream::connect(address(&scene)).await.unwrap();
            stream.write_all(authorized(&scene, "POST", &token, "Content-Length: 100\r\n").as_bytes()).await.unwrap();
            held.push(stream);
        }
        // One of the session's own requests, and a new page.
        for token in [token, session(&scene).await] {
            let request = authorized(&scene, "GET", &token, "Connection: close\r\n");
            let answer = raw_http(&address(&scene), request.as_bytes()).await;
            assert_eq!(answer.status, 200, "{} held", held.len());
        }
    }
}

/// Guards: the sessions and the addresses that other programs make end none of the person's.
#[tokio::test]
async fn attack_70_logins_of_other_programs_leave_a_session_open() {
    let scene = Scene::new().await;
    let person = session(&scene).await;
    let fresh: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    for _ in 0..40 {
        session(&scene).await;
        let _: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    }
    assert_eq!(exchange(&scene, &fresh).await.status, 200, "the fresh address is valid");
    let request = authorized(&scene, "GET", &person, "Connection: close\r\n");
    assert_eq!(raw_http(&address(&scene), request.as_bytes()).await.status, 200, "the session is valid");
}

/// Guards: the probes of other programs do not replace what a person is shown.
#[tokio::test]
async fn attack_70_probes_of_other_programs_leave_a_shown_one() {
    let scene = Scene::new().await;
    let upstream = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let admin = &scene.daemon.admin;
    let shown: Value = admin.post("/v1/servers/probe", &upstream.spec()).await;
    for number in 0..40 {
        let mut other = upstream.spec();
        other["settings"] = json!({ "start_timeout_s": 100 + number });
        let _: Value = admin.post("/v1/servers/probe", &other).await;
    }
    let add = json!({
        "change": "add_server", "name": "mock", "spec": upstream.spec(), "probe": shown["digest"], "reads": ["look"],
        "reads_granted": false,
    });
    scene.change(add).await;
}

fn address(scene: &Scene) -> String {
    scene.daemon.console().trim_start_matches("http://").replace("localhost", "127.0.0.1")
}

fn authorized(scene: &Scene, method: &str, token: &str, more: &str) -> String {
    let host = scene.daemon.console().trim_start_matches("http://");
    let path = if method == "GET" { "/v1/status" } else { "/v1/policy/check" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{more}\r\n"
    )
}

async fn exchange(scene: &Scene, login: &Value) -> RawResponse {
    let host = scene.daemon.console().trim_start_matches("http://");
    let code = login["url"].as_str().unwrap().split_once("#code=").unwrap().1;
    let body = json!({ "code": code }).to_string();
    let request = format!(
        "POST /v1/console/session HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw_http(&address(scene), request.as_bytes()).await
}

/// A session of the console, as any program of the user gets it.
async fn session(scene: &Scene) -> String {
    let login: Value = scene.daemon.admin.post("/v1/console/login", &json!({})).await;
    let answer = exchange(scene, &login).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

/// Guards: connections that send nothing, or half a request, keep the console open for the person.
#[tokio::test]
async fn attack_70_idle_connections_leave_the_console_open() {
    let scene = Scene::new().await;
    let address = scene.daemon.console().trim_start_matches("http://").replace("localhost", "127.0.0.1");
    let host = scene.daemon.console().trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        }
        idle.push(stream);
        if number % 100 == 99 {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = raw_http(&address, request.as_bytes()).await;
            assert_eq!(answer.status, 200, "after {number} idle connections");
        }
    }
}

/// Guards: event streams of one program, and requests that never end, leave the admin socket open for the CLI.
#[tokio::test]
async fn attack_70_streams_leave_the_admin_socket_open() {
    let scene = Scene::new().await;
    let socket = scene.home.runtime().join("admin.sock");
    let mut streams = Vec::new();
    for number in 0..80 {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head[9..], b"200", "stream {number}");
        streams.push(stream);
        let status: Value = scene.daemon.admin.get("/v1/status").await;
        assert_eq!(status["state"], "ready");
    }
    let mut child = scene.home.command("briefcase");
    let output = child.arg("status").output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The newest streams work, and the oldest made room.
    let mut alive = 0;
    for stream in &mut streams {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_millis(20), stream.read_to_end(&mut rest)).await.is_ok();
        alive += usize::from(!ended);
    }
    assert!((1..=8).contains(&alive), "{alive} of 80 streams are open");
}

/// Guards: passphrase guesses slow down, are recorded at the next unlock, and lock nobody out.
#[tokio::test]
async fn attack_70_guesses_slow_down_and_are_recorded() {
    let (home, setup) = (TempHome::new(), SetupOptions::default());
    let _made = DaemonProcess::set_up(&home, &setup).await;
    let daemon = DaemonProcess::start(&home, None).await;
    let began = Instant::now();
    let guess = json!({ "passphrase": "a wrong passphrase" });
    for _ in 0..4 {
        let (status, body) = daemon.admin.send(hyper_method(), "/v1/unlock", Some(&guess)).await;
        assert_eq!((status, &body["code"]), (403, &json!("wrong_key")), "{body}");
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "the fourth guess did not wait");
    daemon.unlock(&setup).await;
    assert!(began.elapsed() >= Duration::from_secs(3), "the attempt after it waits for longer");
    let page: Value = daemon.admin.get("/v1/receipts?limit=50").await;
    let rows = page["receipts"].as_array().unwrap();
    let notice = rows.iter().find(|row| row["receipt"]["what"] == "unlock_failed").unwrap();
    assert!(notice["receipt"]["detail"].as_str().unwrap().starts_with("4 attempts"), "{notice}");
}

const fn hyper_method() -> http::Method {
    http::Method::POST
}
