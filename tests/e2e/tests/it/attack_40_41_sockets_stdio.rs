//! Attacks 40 and 41: the sockets between the programs, and the data on standard input and output.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use briefcase_testkit::{
    ClientEra, DaemonProcess, MockAction, Script, SetupOptions, StdioUpstream, TempHome, mock::tool, output_of, program,
};
use e2e::{Scene, assert_refused};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde_json::{Value, json};

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// Guards: folder and sockets belong to one user, and the daemon checks the peer even when the modes let everybody in.
#[tokio::test]
async fn attack_40_another_user_gets_no_answer_at_either_socket() {
    let home = TempHome::new();
    let (daemon, _made) = DaemonProcess::new(&home, &SetupOptions::default()).await;
    for (path, expected) in [(home.runtime(), 0o700), (home.state(), 0o700)] {
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    for name in ["agent.sock", "admin.sock"] {
        assert_eq!(mode(&home.runtime().join(name)), 0o600, "{name}");
    }
    for name in ["briefcase.db", "head", "vault.json", "log-key.sealed"] {
        assert_eq!(mode(&home.state().join(name)) & 0o077, 0, "{name}");
    }
    if !rustix::process::geteuid().is_root() {
        return; // Only root can be somebody else.
    }
    let copy = home.path().join("cli");
    std::fs::copy(program("briefcase"), &copy).unwrap();
    let ask = async || {
        let mut command = home.command_of(&copy);
        command.arg("status").uid(65534).gid(65534);
        output_of(command, b"").await
    };
    assert!(!ask().await.status.success());
    // Folder and sockets are open to the world: the peer's user still counts.
    for path in
        [home.path().to_owned(), home.runtime(), home.runtime().join("admin.sock"), home.runtime().join("agent.sock")]
    {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let turned = ask().await;
    let told = String::from_utf8_lossy(&[turned.stdout, turned.stderr].concat()).into_owned();
    assert!(!turned.status.success() && !told.contains("authority"), "{told}");
    let _: Value = daemon.admin.get("/v1/status").await;
}

/// Guards: a stale socket is replaced. Anything else in its place, or a link, stays untouched and is reported.
#[tokio::test]
async fn attack_40_a_squatted_socket_stops_the_start() {
    let scene = Scene::new().await;
    let Scene { daemon, made, home, .. } = scene;
    let key = json!({ "unlock_key": made.unlock_key });
    daemon.kill().await;
    assert!(home.runtime().join("admin.sock").exists(), "a killed daemon leaves its socket");
    DaemonProcess::start(&home, Some(&key)).await.stop().await;
    let socket = home.runtime().join("admin.sock");
    let _ = std::fs::remove_file(&socket);
    std::fs::write(&socket, "precious").unwrap();
    let told = DaemonProcess::try_start(&home, Some(&key)).await.err().expect("it must not start");
    assert!(told.contains("is not a socket") && told.contains("move it away"), "{told}");
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "precious");
    std::fs::remove_file(&socket).unwrap();
    // A link in place of the folder.
    let elsewhere = home.file("elsewhere");
    std::fs::rename(home.runtime(), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.runtime()).unwrap();
    let told = DaemonProcess::try_start(&home, Some(&key)).await.err().expect("it must not start");
    assert!(told.contains("link") && told.contains("BRIEFCASE_RUNTIME_DIR"), "{told}");
    std::fs::remove_file(home.runtime()).unwrap();
    std::fs::rename(&elsewhere, home.runtime()).unwrap();
    // A folder that other users may enter.
    std::fs::set_permissions(home.runtime(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = DaemonProcess::try_start(&home, Some(&key)).await.err().expect("it must not start");
    assert!(told.contains("chmod 700"), "{told}");
    std::fs::set_permissions(home.runtime(), std::fs::Permissions::from_mode(0o700)).unwrap();
    DaemonProcess::start(&home, Some(&key)).await;
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Guards: descriptors that a peer passes along are dropped by the kernel or closed, not kept.
#[tokio::test]
async fn attack_40_passed_descriptors_are_not_kept_by_the_daemon() {
    let scene = Scene::new().await;
    let before = open_files(scene.daemon.id());
    for name in ["agent.sock", "admin.sock"] {
        for _ in 0..20 {
            let stream = std::os::unix::net::UnixStream::connect(scene.home.runtime().join(name)).unwrap();
            let file = std::fs::File::open("/dev/null").unwrap();
            let passed = [file.as_fd(); 16];
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
            let mut along = SendAncillaryBuffer::new(&mut space);
            assert!(along.push(SendAncillaryMessage::ScmRights(&passed)));
            for part in [b"\0\0\0\x01".as_slice(), b"GET /v1/status HTTP/1.1\r\n"] {
                let _ = rustix::net::sendmsg(&stream, &[IoSlice::new(part)], &mut along, SendFlags::NOSIGNAL);
            }
        }
    }
    scene.client(ClientEra::Legacy).await;
    let fewer = async || (open_files(scene.daemon.id()) <= before + 8).then_some(());
    briefcase_testkit::eventually("the descriptors to be closed", fewer).await;
}

/// Guards: for any data on the agent's standard input, each readable request is answered and nothing else runs.
#[tokio::test]
async fn attack_41_garbage_on_stdin_does_not_affect_others() {
    let scene = Scene::new().await;
    let upstream = StdioUpstream::new(&scene.home, "local", &Script::with_tools(vec![tool("look")]));
    scene.add_stdio("local", &upstream, &["look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    let call = |text: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{"name":"local__look","arguments":{text}}}}}"#
        )
    };
    let garbage: Vec<Vec<u8>> = vec![
        b"\xff\xfe\xc3\x28".to_vec(),
        call("{\"a\":\"HERE\"}").replace("HERE", "\u{1}").into_bytes(),
        [call("{}").into_bytes(), b"\xc3".to_vec()].concat(),
        vec![b'x'; 16 << 20],
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(),
        b"{\"jsonrpc\":\"2.0\",\"id\":\"half\",\"method\":\"tools/ca".to_vec(),
        b"HTTP/1.1 200 OK\r\n\r".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        format!("[{}]", call("{}")).into_bytes(),
        b"{\"jsonrpc\":\"1.0\",\"id\":1000001,\"method\":\"tools/list\"}".to_vec(),
        b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"tools/list\"}".to_vec(),
        b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"tools/list\"}".to_vec(),
        b"{\"jsonrpc\":\"2.0\",\"id\":1000002,\"method\":7}".to_vec(),
        vec![0; 4096],
    ];
    for bytes in garbage {
        client.send_bytes(bytes).await;
    }
    client.call("local__look", json!({ "a": "end" })).await.unwrap();
    let effects: Vec<Value> = upstream.effects().iter().map(|effect| effect.arguments().clone()).collect();
    assert_eq!(effects, [json!({ "a": "end" })]);
    // The end of the stream inside a message does not make a message.
    client.send_bytes(call("{\"a\":\"half\"").into_bytes()).await;
    client.close().await;
    assert_eq!(upstream.effects().len(), 1);
}

/// Guards: a local server that is noisy, crashes, lies or floods causes an `upstream_error`, and the next call works.
#[tokio::test]
async fn attack_41_a_hostile_child_ends_only_its_own_call() {
    let scene = Scene::new().await;
    let names = ["noise", "die", "bad", "raw", "wrong", "huge", "garbage", "fine"];
    let script = Script::with_tools(names.map(tool).to_vec())
        .on("noise", MockAction::Noise { lines: 2_000, then: Box::new(MockAction::Echo) })
        .on("die", MockAction::Die)
        .on("bad", MockAction::InvalidUtf8)
        .on(
            "raw",
            MockAction::Raw {
                text: r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[]},"result":{"content":1}}"#.into(),
            },
        )
        .on("garbage", MockAction::Raw { text: r#"{"jsonrpc":"2.0","id":ID}"#.into() })
        .on("huge", MockAction::Huge { bytes: 64 << 20 });
    let upstream = StdioUpstream::new(&scene.home, "local", &script);
    scene.add_stdio("local", &upstream, &names).await;
    let client = scene.client(ClientEra::Legacy).await;
    for name in ["die", "bad", "raw", "garbage", "huge"] {
        assert_refused!(client.call(&format!("local__{name}"), json!({})).await, "upstream_error");
        client.call("local__fine", json!({ "after": name })).await.unwrap();
    }
    client.call("local__noise", json!({})).await.unwrap();
    client.call("local__fine", json!({})).await.unwrap();
    let kept = scene.receipts().await;
    let failed = kept.iter().filter(|row| row["receipt"]["k"] == "outcome" && row["receipt"]["status"] != "ok").count();
    assert_eq!(failed, 5, "each has its receipt");
}
