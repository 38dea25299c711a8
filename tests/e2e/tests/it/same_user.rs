//! The strongest local attacker: a process of the same user, with the CLI, both sockets, the console's port and all
//! files. It can stop the daemon and delete its files. It cannot approve, change the authority, read a secret, or read
//! memory.

use std::{
    collections::HashSet,
    os::{
        fd::AsFd,
        unix::{fs::FileExt as _, process::ExitStatusExt},
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use briefcase_testkit::{
    Canary, ClientEra, DaemonProcess, HttpUpstream, McpClient, Script, SetupOptions, TempHome, again_as_nobody,
    assert_absent, eventually, mock::tool, output_of, program, raw_http, without_secrets,
};
use e2e::{Scene, assert_no_effect};
use http::Method;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};
use serde_json::{Value, json};

async fn scene() -> (Scene, HttpUpstream) {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("pay")])).await;
    let scene = Scene::new().await;
    scene.add_http("mock", &upstream, &["look"]).await;
    (scene, upstream)
}

async fn asked(scene: &Scene) -> (McpClient, Value) {
    let client = scene.client(ClientEra::Legacy).await;
    client.start("tools/call", json!({ "name": "mock__pay", "arguments": { "n": 1 } })).await;
    (client, scene.daemon.admin.question().await)
}

fn once() -> Value {
    json!({ "decision": "allow", "scope": "once" })
}

/// Guards: every route that decides or changes needs evidence from a person for exactly this action.
#[tokio::test]
async fn attack_24_the_same_user_without_a_factor_decides_and_changes_nothing() {
    let (scene, upstream) = scene().await;
    let admin = &scene.daemon.admin;
    let (client, question) = asked(&scene).await;
    let decide = format!("/v1/approvals/{}/decide", question["id"].as_str().unwrap());
    let credential = json!({
        "id": "AAAA", "rawId": "AAAA", "type": "public-key", "clientExtensionResults": {},
        "response": { "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA", "userHandle": null }
    });
    let evidence = [
        json!(null),
        json!({}),
        json!({ "pin": "" }),
        json!({ "pin": null }),
        json!({ "pin": ["271828"] }),
        json!({ "none": true }),
        json!({ "passkey": {} }),
        json!({ "passkey": null }),
        json!({ "passkey": credential }),
        json!({ "passkey": { "type": "public-key", "response": { "clientDataJSON": "", "userVerified": true } } }),
    ];
    let version = admin.get::<Value>("/v1/status").await["authority_version"].clone();
    let changes = [
        json!({ "change": "set_policy", "text": "permit (principal, action, resource);" }),
        json!({ "change": "set_tool", "server": "mock", "tool": "pay", "class": "read" }),
        json!({ "change": "add_agent", "name": "mallory" }),
        json!({ "change": "set_pin", "pin": "918273" }),
        json!({ "change": "add_passkey", "label": "mine", "credential": credential }),
        json!({ "change": "set_passphrase", "passphrase": "a new one that mallory knows" }),
        json!({ "change": "set_secret", "name": "token", "value": "mine-now" }),
        json!({ "change": "remove_factor", "id": "x" }),
    ];
    for evidence in &evidence {
        let body = json!({ "shown": question["digest"], "decision": once(), "evidence": evidence });
        let (status, answer) = admin.send(Method::POST, &decide, Some(&body)).await;
        assert!((400..500).contains(&status), "{evidence}: {status} {answer}");
        for change in &changes {
            let (_, preview) = admin.send(Method::POST, "/v1/changes/preview", Some(&without_secrets(change))).await;
            let body = json!({ "change": change, "digest": preview["digest"], "evidence": evidence });
            let (status, answer) = admin.send(Method::POST, "/v1/changes", Some(&body)).await;
            assert!((400..500).contains(&status), "{change} {evidence}: {status} {answer}");
        }
        let body = json!({ "passphrase": "an archive of mine", "evidence": evidence });
        let (status, _) = admin.send(Method::POST, "/v1/backup", Some(&body)).await;
        assert!((400..500).contains(&status), "backup with {evidence}: {status}");
    }
    // The CLI takes a PIN only from a terminal.
    let id = question["id"].as_str().unwrap();
    for args in
        [&["approve", id][..], &["approve", id, "--pin", &scene.setup.pin], &["policy", "edit"], &["agent", "add", "m"]]
    {
        let mut command = scene.home.command("briefcase");
        command.args(args).env("BRIEFCASE_PIN", &scene.setup.pin);
        let output = output_of(command, format!("{}\n{}\n", scene.setup.pin, scene.setup.pin).as_bytes()).await;
        assert!(!output.status.success(), "{args:?}");
    }
    // The console's port serves nothing without a session, and a session decides nothing without a factor.
    let host = scene.daemon.console().trim_start_matches("http://").to_owned();
    let request = format!("GET /v1/approvals HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    assert_eq!(raw_http(&host, request.as_bytes()).await.status, 401);
    assert_eq!(admin.get::<Value>("/v1/status").await["authority_version"], version);
    assert_eq!(admin.question().await, question);
    assert_no_effect!(upstream);
    drop(client);
}

/// Guards: attempts are counted before they are checked, the count survives a restart, and the right PIN waits too.
#[tokio::test]
async fn attack_24_guessing_the_pin_ends_in_a_lock_out_that_survives() {
    let (scene, upstream) = scene().await;
    let (client, question) = asked(&scene).await;
    let mut codes = Vec::new();
    for n in 0..7 {
        let (status, body) = scene.daemon.admin.decide(&question, &once(), &format!("31415{n}")).await;
        assert_eq!(status, 403, "{body}");
        codes.push(body["code"].as_str().unwrap().to_owned());
    }
    assert_eq!(codes[0], "wrong_pin");
    assert_eq!(codes[6], "locked_out", "{codes:?}");
    let (status, body) = scene.daemon.admin.decide(&question, &once(), &scene.setup.pin).await;
    assert_eq!((status, &body["code"]), (403, &json!("locked_out")), "{body}");
    drop(client);
    let scene = scene.after_a_crash().await;
    let (_client, question) = asked(&scene).await;
    let (status, body) = scene.daemon.admin.decide(&question, &once(), &scene.setup.pin).await;
    assert_eq!((status, &body["code"]), (403, &json!("locked_out")), "{body}");
    assert_no_effect!(upstream);
}

/// Guards: requests and decisions live in memory; the authority is sealed and recorded. Rows of the database decide
/// nothing, neither while the daemon runs nor at its next start.
#[tokio::test]
async fn attack_24_editing_the_files_approves_nothing() {
    let (scene, upstream) = scene().await;
    let (client, question) = asked(&scene).await;
    let path = scene.home.state().join("briefcase.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    let tables: Vec<String> = {
        let mut statement = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    };
    assert!(!tables.iter().any(|name| name.contains("approval") || name.contains("grant")), "{tables:?}");
    // While it runs: an older version of the authority, and the newest receipts removed.
    let _ = database.execute_batch("DELETE FROM authority WHERE version > 1; UPDATE authority SET version = 99");
    drop(database);
    assert_eq!(scene.daemon.admin.question().await, question);
    let answer = client.call("mock__pay", json!({ "n": 2 })).await;
    assert!(e2e::refusal(&answer).is_some(), "{answer:?}");
    assert_no_effect!(upstream);
    drop(client);
    let Scene { daemon, home, made, .. } = scene;
    daemon.kill().await;
    let key = json!({ "unlock_key": made.unlock_key });
    let told = DaemonProcess::try_start(&home, Some(&key)).await.err().expect("an edited authority must not be served");
    assert!(told.contains("tampered") || told.contains("edited"), "{told}");
    assert!(told.contains("restore"), "{told}");
    assert_no_effect!(upstream);
}

/// Guards: secrets are sealed in the files, and no route, log or program shows them.
#[tokio::test]
async fn attack_42_no_file_route_or_log_contains_a_secret() {
    let (scene, _upstream) = scene().await;
    let canary = Canary::new();
    scene.change(json!({ "change": "set_secret", "name": "token", "value": canary.value() })).await;
    for (path, bytes) in scene.home.all_bytes() {
        assert_absent(&canary, &path.display().to_string(), &bytes);
    }
    for path in [
        "/v1/secrets",
        "/v1/servers",
        "/v1/receipts?limit=1000",
        "/v1/doctor",
        "/v1/status",
        "/v1/factors",
        "/v1/policy",
    ] {
        let (status, body) = scene.daemon.admin.raw(Method::GET, path, &[], Vec::new()).await.unwrap();
        assert_eq!(status, 200, "{path}");
        assert_absent(&canary, path, &body);
    }
    assert_absent(&canary, "the log", scene.daemon.log().as_bytes());
    for file in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", scene.daemon.id())).unwrap_or_default();
        assert_absent(&canary, file, &bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(&scene.setup.passphrase) && !text.contains(&scene.made.unlock_key), "{file}");
    }
}

/// Guards: `PR_SET_DUMPABLE` and the core limit. As root this proves nothing, so it runs as nobody.
#[tokio::test]
async fn attack_42_memory_cannot_be_read_by_the_same_user() {
    if again_as_nobody("same_user::attack_42_memory_cannot_be_read_by_the_same_user") {
        return;
    }
    let scene = Scene::with(SetupOptions::default()).await;
    let mut other = tokio::process::Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
    let readable = |pid: u32| {
        let read = |file: &str| {
            std::fs::File::open(format!("/proc/{pid}/{file}"))
                .and_then(|mut file| std::io::Read::read(&mut file, &mut [0; 16]))
        };
        ["environ", "maps", "auxv", "mem"].map(|file| read(file).map_err(|error| error.kind()))
    };
    let opened = readable(other.id().unwrap());
    assert!(opened[0].is_ok() && opened[1].is_ok(), "the test could not read its own child: {opened:?}");
    for (file, read) in ["environ", "maps", "auxv", "mem"].iter().zip(readable(scene.daemon.id())) {
        assert_eq!(read, Err(std::io::ErrorKind::PermissionDenied), "{file}");
    }
    let pid = Pid::from_raw(i32::try_from(scene.daemon.id()).unwrap()).unwrap();
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
    // Taking a descriptor needs the right to attach with ptrace.
    let stolen = rustix::process::pidfd_getfd(handle.as_fd(), 0, PidfdGetfdFlags::empty());
    assert_eq!(stolen.err(), Some(rustix::io::Errno::PERM));
    assert!(std::fs::read_dir(format!("/proc/{}/fd", scene.daemon.id())).is_err(), "its open files can be listed");
    assert!(std::fs::read_link(format!("/proc/{}/cwd", scene.daemon.id())).is_err());
    if let Ok(output) = std::process::Command::new("gdb")
        .args(["-batch", "-p", &scene.daemon.id().to_string(), "-ex", "info registers"])
        .output()
    {
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!told.contains("rip ") && !told.contains("x30 "), "{told}");
    }
    let limits: Vec<Value> = scene.daemon.admin.get("/v1/doctor").await;
    let fine = |name: &str| limits.iter().any(|check| check["name"] == name && check["severity"] == "ok");
    assert!(fine("core_dumps") && fine("undumpable"), "{limits:?}");
    assert!(fine("program"), "the program under test can be read, yet what runs is a copy that cannot: {limits:?}");
    other.kill().await.unwrap();
}

/// The files of the daemon that a process opened in the moment when that was possible.
struct Opened {
    pid: u32,
    memory: std::fs::File,
    /// The address of its program.
    image: u64,
}

impl Opened {
    fn now(pid: u32) -> Option<Self> {
        let memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        let image = u64::from_str_radix(maps.split_once('-')?.0, 16).ok()?;
        let opened = Self { pid, memory, image };
        opened.shows_something().then_some(opened)
    }

    fn shows_something(&self) -> bool {
        self.memory.read_at(&mut [0; 16], self.image).is_ok_and(|bytes| bytes > 0)
    }
}

/// Opens the memory of each daemon at its start, until `enough` is set.
fn lie_in_wait(enough: &AtomicBool) -> Vec<Opened> {
    let (mut opened, mut done) = (Vec::new(), HashSet::new());
    while !enough.load(Ordering::Relaxed) {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            let is_daemon = || std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"briefcased\n");
            if done.contains(&pid) || !is_daemon() {
                continue;
            }
            if let Some(memory) = Opened::now(pid) {
                done.insert(pid);
                opened.push(memory);
            }
        }
    }
    opened
}

/// Guards: a file opened before the first instruction shows nothing of the process that knows secrets.
#[tokio::test]
async fn attack_42_files_opened_while_the_daemon_started_show_nothing() {
    if again_as_nobody("same_user::attack_42_files_opened_while_the_daemon_started_show_nothing") {
        return;
    }
    let (home, setup) = (TempHome::new(), SetupOptions::default());
    let made = DaemonProcess::set_up(&home, &setup).await;
    let key = json!({ "unlock_key": made.unlock_key });
    let mut seen = 0;
    // A start takes milliseconds, and the observer misses some.
    for _ in 0..30 {
        let enough = Arc::new(AtomicBool::new(false));
        let waiting = std::thread::spawn({
            let enough = Arc::clone(&enough);
            move || lie_in_wait(&enough)
        });
        let daemon = DaemonProcess::start(&home, Some(&key)).await;
        enough.store(true, Ordering::Relaxed);
        for opened in waiting.join().unwrap().into_iter().filter(|opened| opened.pid == daemon.id()) {
            seen += 1;
            assert!(!opened.shows_something(), "its memory can be read");
        }
        daemon.kill().await;
        if seen > 2 {
            break;
        }
    }
    assert!(seen > 0, "nobody was quick enough: the test shows nothing");
}

/// The remains of a daemon that crashes with all limits off, and the view of a debugger. As root this proves nothing,
/// so it runs as nobody.
#[tokio::test]
async fn attack_42_a_crash_leaves_no_core_and_gcore_gets_none() {
    if again_as_nobody("same_user::attack_42_a_crash_leaves_no_core_and_gcore_gets_none") {
        return;
    }
    let (home, setup) = (TempHome::new(), SetupOptions::default());
    let made = DaemonProcess::set_up(&home, &setup).await;
    let key = json!({ "unlock_key": made.unlock_key });
    let unlimited = |program: &std::path::Path| {
        let mut shell = home.command_of("/bin/sh");
        let script = r#"ulimit -c unlimited 2>/dev/null; exec "$@""#;
        shell.args(["-c", script, "sh"]).arg(program).current_dir(home.path());
        shell
    };
    let daemon = DaemonProcess::try_start_as(unlimited(&program("briefcased")), &home, Some(&key)).await.unwrap();
    let dump = home.file("dump");
    let id = daemon.id().to_string();
    if let Ok(output) = std::process::Command::new("gcore").arg("-o").arg(&dump).arg(&id).output() {
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    for (program, arguments) in [("strace", ["-p", &id]), ("ltrace", ["-p", &id])] {
        if let Ok(output) = std::process::Command::new(program).args(arguments).output() {
            assert!(!output.status.success(), "{program} attached");
        }
    }
    daemon.signal(rustix::process::Signal::ABORT);
    // The process has ended, and its parent has not collected its status.
    let dead = async || {
        std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| stat.contains(") Z ")).then_some(())
    };
    eventually("the daemon to die", dead).await;
    let status = daemon.kill().await;
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false), "{status:?}");
    let mut control = unlimited(std::path::Path::new("/bin/sh"));
    let crashed = control.args(["-c", "kill -ABRT $$"]).status().await.unwrap();
    assert_eq!(crashed.signal(), Some(6), "the way to crash is wrong: {crashed:?}");
    for (path, bytes) in home.all_bytes() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.starts_with("dump"), "{name}");
        if name.starts_with("core") {
            let found = bytes.windows(made.unlock_key.len()).any(|window| window == made.unlock_key.as_bytes());
            assert!(!found, "{name} holds the unlock key");
        }
    }
}
