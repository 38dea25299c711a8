//! Attack 69: another program takes over the port of a server on this machine, and waits for its secret.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering},
};

use briefcase_testkit::{
    Canary, ClientEra, HttpUpstream, MockAction, Script, TempHome, again_as_nobody, assert_absent,
};
use e2e::{Scene, refusal};
use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

/// The variable that makes this test program act as the server; its value is the address.
const ADDRESS: &str = "E2E_LISTENER_ADDRESS";
/// The variable that makes the server hide from the other processes of its user.
const HIDES: &str = "E2E_LISTENER_HIDES";

/// The server of the tests below: listens, and prints the headers that it received when its input ends.
#[tokio::test]
async fn as_server() {
    let Some(address) = std::env::var_os(ADDRESS) else { return };
    if std::env::var_os(HIDES).is_some() {
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap();
    }
    let server = HttpUpstream::start_at(address.to_str().unwrap(), Script::one("look", MockAction::Echo)).await;
    println!("\nlistens");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.unwrap();
    for message in server.messages() {
        println!("received {} {}", message.method, message.headers["authorization"]);
    }
}

/// A server in a process of its own.
struct Listener(Child);

impl Listener {
    async fn start(address: &str, folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(address, folder, arguments, &[]).await
    }

    /// A server that the other processes of its user cannot look into.
    async fn hidden(address: &str, folder: &Path) -> Self {
        Self::start_with(address, folder, &[], &[(HIDES, "1")]).await
    }

    async fn start_with(address: &str, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["attack_69_listeners::as_server", "--exact", "--nocapture"]).args(arguments);
        command.env(ADDRESS, address).envs(variables.iter().copied()).current_dir(folder).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        while lines.next_line().await.unwrap().expect("the server starts") != "listens" {}
        Self(child)
    }

    /// Ends the server. Returns what it received.
    async fn end(mut self) -> String {
        drop(self.0.stdin.take());
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
        self.0.wait().await.unwrap();
        text
    }
}

/// A free port below those that the system hands out, so that no test beside takes it between two servers.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 9_000).unwrap();
    let ports = (0..9_000_u16).map(|_| 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed) * 7) % 9_000);
    let free = |port: &u16| ["127.0.0.1", "0.0.0.0"].iter().all(|host| TcpListener::bind((*host, *port)).is_ok());
    ports.into_iter().find(free).expect("a free port")
}

fn spec(host: &str, port: u16) -> Value {
    let header = json!({ "name": "Authorization", "value": "Bearer {secret}", "secret": "key" });
    json!({ "transport": "http", "url": format!("http://{host}:{port}/mcp"), "headers": [header] })
}

/// A briefcase with a secret, and the server that gets it, accepted while `genuine` listened.
async fn registered(canary: &Canary, host: &str, port: u16, folder: &Path) -> (Scene, Listener) {
    let scene = Scene::new().await;
    scene.change(json!({ "change": "set_secret", "name": "key", "value": canary.value() })).await;
    let genuine = Listener::start(&format!("127.0.0.1:{port}"), folder, &[]).await;
    scene.daemon.admin.add_server("notes", &spec(host, port), &["look"], &scene.setup.pin).await;
    (scene, genuine)
}

fn folders() -> (TempHome, PathBuf, PathBuf) {
    let place = TempHome::new();
    let (own, other) = (place.file("own"), place.file("other"));
    std::fs::create_dir(&own).unwrap();
    std::fs::create_dir(&other).unwrap();
    (place, own, other)
}

/// Guards: the secret goes to the process that listened when the server was accepted, and to no other.
#[tokio::test]
async fn attack_69_a_program_that_takes_the_port_gets_nothing() {
    let (canary, port) = (Canary::new(), free_port());
    let (_place, own, other) = folders();
    let (scene, genuine) = registered(&canary, "127.0.0.1", port, &own).await;
    let address = format!("127.0.0.1:{port}");
    let client = scene.client(ClientEra::Legacy).await;
    client.call("notes__look", json!({ "n": 1 })).await.unwrap();
    let told = genuine.end().await;
    assert!(told.contains(&canary.value()), "the accepted server gets its secret: {told}");
    // The same program with other arguments; in another folder; for all addresses; and another process altogether.
    for (at, folder, arguments) in [
        (address.clone(), &own, ["--test-threads=1"].as_slice()),
        (address.clone(), &other, &[]),
        (format!("0.0.0.0:{port}"), &own, &["--color=never"]),
    ] {
        let thief = Listener::start(&at, folder, arguments).await;
        for era in [ClientEra::Legacy, ClientEra::Modern] {
            let client = scene.client(era).await;
            let answer = client.call("notes__look", json!({ "private": "words" })).await;
            assert_eq!(refusal(&answer).as_deref(), Some("upstream_error"), "{answer:?}");
            let told = format!("{answer:?}");
            assert!(told.contains("another program listens") && told.contains("--accept-listener"), "{told}");
        }
        let told = thief.end().await;
        assert!(!told.contains("received"), "it received something: {told}");
        assert_absent(&canary, "what the thief got", told.as_bytes());
    }
    let thief = HttpUpstream::start_at(&address, Script::one("look", MockAction::Echo)).await;
    let admin = &scene.daemon.admin;
    let answer = client.call("notes__look", json!({})).await;
    assert_eq!(refusal(&answer).as_deref(), Some("upstream_error"), "{answer:?}");
    // Neither a test nor a probe without a person sends it.
    let (status, problem) = admin.send(Method::POST, "/v1/servers/notes/test", Some(&json!({}))).await;
    assert_eq!(status, 502, "{problem}");
    assert!(problem["message"].as_str().unwrap().contains("Accepted was"), "{problem}");
    let (status, problem) = admin.send(Method::POST, "/v1/servers/probe", Some(&spec("127.0.0.1", port))).await;
    assert_eq!(status, 502, "{problem}");
    assert!(thief.messages().is_empty(), "{:?}", thief.messages());
    drop(thief);
    // The accepted program, started again, is the accepted one.
    let again = Listener::start(&address, &own, &[]).await;
    client.call("notes__look", json!({ "n": 2 })).await.unwrap();
    assert!(again.end().await.contains(&canary.value()));
}

/// Guards: a program at the machine's other loopback address is another program.
#[tokio::test]
async fn attack_69_a_name_with_two_addresses_is_checked_at_each() {
    let (canary, port) = (Canary::new(), free_port());
    let (_place, own, _) = folders();
    let (scene, genuine) = registered(&canary, "localhost", port, &own).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("notes__look", json!({})).await.unwrap();
    genuine.end().await;
    // A machine without IPv6 has one address only, and the thief has to be there.
    let thieves = ["127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}"));
    let thieves: Vec<_> = thieves.iter().filter(|address| TcpListener::bind(address.as_str()).is_ok()).collect();
    assert!(!thieves.is_empty(), "the port is free again");
    for address in thieves {
        let thief = HttpUpstream::start_at(address, Script::one("look", MockAction::EchoSecrets)).await;
        let answer = client.call("notes__look", json!({})).await;
        assert_eq!(refusal(&answer).as_deref(), Some("upstream_error"), "{address}: {answer:?}");
        assert!(thief.messages().is_empty(), "{address}: {:?}", thief.messages());
    }
}

/// Guards: a listener that cannot be looked into is not taken for the accepted one, and is never accepted by its user alone.
/// As root it proves nothing.
#[tokio::test]
async fn attack_69_a_hidden_listener_of_the_same_user_is_nobody() {
    if again_as_nobody("attack_69_listeners::attack_69_a_hidden_listener_of_the_same_user_is_nobody") {
        return;
    }
    let (canary, port) = (Canary::new(), free_port());
    let (_place, own, _) = folders();
    let (scene, genuine) = registered(&canary, "127.0.0.1", port, &own).await;
    let admin = &scene.daemon.admin;
    genuine.end().await;
    let address = format!("127.0.0.1:{port}");
    let thief = Listener::hidden(&address, &own).await;
    let client = scene.client(ClientEra::Legacy).await;
    let answer = client.call("notes__look", json!({})).await;
    assert_eq!(refusal(&answer).as_deref(), Some("upstream_error"), "{answer:?}");
    // Nothing names it, so it cannot be accepted.
    assert_eq!(admin.get::<Value>("/v1/servers/notes/listener").await, Value::Null);
    let told = thief.end().await;
    assert!(!told.contains("received"), "it received something: {told}");
    // A server that was hidden from the beginning is bound to nobody, and doctor says so.
    let hidden = Listener::hidden(&address, &own).await;
    admin.add_server("hidden", &spec("127.0.0.1", port), &["look"], &scene.setup.pin).await;
    let servers: Vec<Value> = admin.get("/v1/servers").await;
    let server = servers.iter().find(|server| server["name"] == "hidden").unwrap();
    assert_eq!(server["unbound_listener"], true, "{server}");
    let checks: Vec<Value> = admin.get("/v1/doctor").await;
    let warned = checks.iter().find(|check| check["name"] == "listeners").expect("a warning");
    assert!(warned["message"].as_str().unwrap().contains("hidden"), "{warned}");
    drop(hidden);
}

/// Guards: a person may accept another program, and a server without an accepted listener is warned about.
#[tokio::test]
async fn attack_69_another_program_has_to_be_accepted_by_a_person() {
    let (canary, port) = (Canary::new(), free_port());
    let (_place, own, other) = folders();
    let (scene, genuine) = registered(&canary, "127.0.0.1", port, &own).await;
    let admin = &scene.daemon.admin;
    let client = scene.client(ClientEra::Legacy).await;
    genuine.end().await;
    let address = format!("127.0.0.1:{port}");
    let moved = Listener::start(&address, &other, &[]).await;
    let answer = client.call("notes__look", json!({})).await;
    assert_eq!(refusal(&answer).as_deref(), Some("upstream_error"), "{answer:?}");
    let listener: Value = admin.get("/v1/servers/notes/listener").await;
    assert!(listener["program"].is_string() && listener["command"].is_string(), "{listener}");
    let set = |settings: Value| json!({ "change": "set_server", "name": "notes", "settings": settings });
    scene.change(set(json!({ "loopback_owner": listener }))).await;
    client.call("notes__look", json!({})).await.unwrap();
    let doctor = async || {
        let checks: Vec<Value> = admin.get("/v1/doctor").await;
        checks.iter().find(|check| check["name"] == "listeners").cloned()
    };
    assert_eq!(doctor().await, None, "its listener is accepted");
    scene.change(set(json!({}))).await;
    let warned = doctor().await.expect("a warning");
    assert!(warned["message"].as_str().unwrap().contains("notes"), "{warned}");
    let servers: Vec<Value> = admin.get("/v1/servers").await;
    assert_eq!(servers[0]["unbound_listener"], true, "{servers:?}");
    assert!(moved.end().await.contains(&canary.value()), "the accepted program got it");
}
