//! Attack 70: other programs of this computer shut the person out, or guess the passphrase.

use std::time::{Duration, Instant};

use briefcase_testkit::{DaemonProcess, SetupOptions, TempHome, raw_http};
use e2e::Scene;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

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
