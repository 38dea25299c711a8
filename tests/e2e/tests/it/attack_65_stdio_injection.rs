//! Attack 65: a process of the same user writes a request into a local server, or an answer out of it.

use std::{fs::OpenOptions, io::Write as _};

use briefcase_testkit::{ClientEra, MockAction, Script, StdioUpstream, eventually, mock::tool};
use e2e::{Scene, assert_refused};
use http::Method;
use serde_json::{Value, json};

/// The processes that were started with this script, the newest last.
fn processes_of(upstream: &StdioUpstream) -> Vec<u32> {
    let script = upstream.argv()[1].clone().into_bytes();
    let numbers = std::fs::read_dir("/proc").unwrap().flatten();
    let mut numbers: Vec<u32> = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    let is_server = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        arguments.first().is_some_and(|program| program.ends_with(b"mock-upstream")) && arguments.contains(&&*script)
    };
    numbers.into_iter().filter(is_server).collect()
}

async fn scene(script: &Script) -> (Scene, StdioUpstream) {
    let scene = Scene::new().await;
    let upstream = StdioUpstream::new(&scene.home, "local", script);
    scene.add_stdio("local", &upstream, &["look", "wait"]).await;
    (scene, upstream)
}

/// Opens the stream in every way that a file can be opened, and writes the text where that worked.
fn write_into(pid: u32, fd: u32, text: &str) -> usize {
    let mut paths = vec![format!("/proc/{pid}/fd/{fd}")];
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        paths.push(thread.path().join(format!("fd/{fd}")).display().to_string());
    }
    let mut opened = 0;
    for path in paths {
        for options in [
            OpenOptions::new().write(true).clone(),
            OpenOptions::new().append(true).clone(),
            OpenOptions::new().read(true).write(true).clone(),
        ] {
            if let Ok(mut file) = options.open(&path) {
                opened += 1;
                let _ = file.write_all(text.as_bytes());
            }
        }
    }
    opened
}

/// Guards: no call reaches a local server, and no answer leaves it, but through the daemon.
#[tokio::test]
async fn attack_65_a_line_written_into_a_server_or_out_of_it_arrives_nowhere() {
    let script = Script::with_tools(vec![tool("look"), tool("pay"), tool("wait")]).on("wait", MockAction::Hang);
    let (scene, upstream) = scene(&script).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("local__look", json!({})).await.unwrap();
    let servers = processes_of(&upstream);
    assert!(!servers.is_empty(), "the server runs");
    let before = scene.receipts().await.len();
    let call = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"pay","arguments":{"n":1}}}"#;
    for server in &servers {
        assert_eq!(write_into(*server, 0, &format!("\n{call}\n")), 0, "its input was opened");
    }
    // An answer to a call that is open.
    let open = client.start("tools/call", json!({ "name": "local__wait", "arguments": {} })).await;
    eventually("the call", async || {
        upstream.effects().iter().any(|effect| effect.message["params"]["name"] == "wait").then_some(())
    })
    .await;
    let answers: String =
        (0..200).map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[]}}}}\n")).collect();
    for server in &servers {
        assert_eq!(write_into(*server, 1, &answers), 0, "its output was opened");
    }
    // What was written would have been read before this.
    client.call("local__look", json!({ "last": true })).await.unwrap();
    assert!(
        upstream.effects().iter().all(|effect| effect.message["params"]["name"] != "pay"),
        "{:?}",
        upstream.effects()
    );
    let receipts = scene.receipts().await;
    let told = json!(receipts[before..]).to_string();
    assert!(!told.contains("\"pay\""), "{told}");
    let _pending = open;
}

/// Guards: a probe without a person gives a server that gets secrets no stream that others can open.
#[tokio::test]
async fn attack_65_a_probe_does_not_turn_sockets_into_pipes() {
    let scene = Scene::new().await;
    scene.change(json!({ "change": "set_secret", "name": "key", "value": "canary-0c5a77f1" })).await;
    let upstream = StdioUpstream::new(&scene.home, "local", &Script::with_tools(vec![tool("look")]));
    let kinds = scene.home.file("kinds");
    let script = format!("stat -Lc %F /dev/fd/0 >> {} 2>&1; exec \"$@\"", kinds.display());
    let argv: Vec<String> = ["sh", "-c", &script, "sh"].into_iter().map(str::to_owned).chain(upstream.argv()).collect();
    let spec = json!({ "transport": "stdio", "argv": argv, "secret_env": { "KEY": "key" } });
    scene.daemon.admin.add_server("local", &spec, &["look"], &scene.setup.pin).await;
    let mut with_pipes = spec.clone();
    with_pipes["settings"] = json!({ "pipes": true });
    let (status, answer) = scene.daemon.admin.send(Method::POST, "/v1/servers/probe", Some(&with_pipes)).await;
    assert!(status == 200 || status == 403, "{status} {answer}");
    let seen = std::fs::read_to_string(&kinds).unwrap();
    assert!(seen.lines().count() > 0 && seen.lines().all(|kind| kind == "socket"), "{seen}");
}

/// Guards: a program that opens its streams by path is named with the setting for it, and the setting is shown as lower.
#[tokio::test]
async fn attack_65_pipes_are_a_setting_that_doctor_and_list_show() {
    let scene = Scene::new().await;
    let upstream = StdioUpstream::new(&scene.home, "old", &Script::with_tools(vec![tool("look")]));
    let script = "exec < /dev/stdin > /dev/stdout; exec \"$@\"";
    let argv: Vec<String> = ["sh", "-c", script, "sh"].into_iter().map(str::to_owned).chain(upstream.argv()).collect();
    let mut spec = json!({ "transport": "stdio", "argv": argv });
    let (status, problem) = scene.daemon.admin.send(Method::POST, "/v1/servers/probe", Some(&spec)).await;
    assert_eq!(status, 502, "{problem}");
    assert!(problem["message"].as_str().unwrap().contains("`/dev/stdin` by path"), "{problem}");
    assert!(problem["next_step"].as_str().unwrap().contains("--stdio pipes"), "{problem}");
    spec["settings"] = json!({ "pipes": true });
    scene.daemon.admin.add_server("old", &spec, &["look"], &scene.setup.pin).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("old__look", json!({})).await.unwrap();
    let checks: Vec<Value> = scene.daemon.admin.get("/v1/doctor").await;
    let check = |name: &str| checks.iter().find(|check| check["name"] == name).cloned().unwrap_or_default();
    assert_eq!(check("pipes")["severity"], "warn", "{checks:?}");
    assert!(check("pipes")["message"].as_str().unwrap().contains("old"), "{checks:?}");
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let told = check("local_servers")["message"].as_str().unwrap().to_owned();
    assert_eq!(told.contains("Yama holds"), matches!(scope.trim(), "1" | "2" | "3"), "{told}");
    let servers: Vec<Value> = scene.daemon.admin.get("/v1/servers").await;
    assert_eq!(servers[0]["settings"]["pipes"], true, "{servers:?}");
}

/// Guards: no process of a local server survives the daemon, however the daemon ends and whatever the server ignores.
#[tokio::test]
async fn attack_65_nothing_of_a_server_survives_a_killed_daemon() {
    let scene = Scene::new().await;
    let upstream = StdioUpstream::new(&scene.home, "deaf", &Script::with_tools(vec![tool("look")]));
    // A wrapper and a grandchild that ignore signals and the end of their input.
    let seconds = format!("9{}", std::process::id());
    let script = format!(
        "trap '' TERM HUP INT; (trap '' TERM HUP INT; exec sleep {seconds}) & \"$@\"; while :; do sleep 1; done"
    );
    let argv: Vec<String> = ["sh", "-c", &script, "sh"].into_iter().map(str::to_owned).chain(upstream.argv()).collect();
    let spec = json!({ "transport": "stdio", "argv": argv });
    scene.daemon.admin.add_server("deaf", &spec, &["look"], &scene.setup.pin).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("deaf__look", json!({})).await.unwrap();
    let mark = upstream.argv()[1].clone().into_bytes();
    let sleeping = format!("sleep\0{seconds}\0").into_bytes();
    let survivors = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let own = numbers.filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.windows(mark.len()).any(|part| part == mark) || line == sleeping
        });
        own.count()
    };
    assert!(survivors() >= 3, "wrapper, grandchild and server run");
    scene.daemon.kill().await;
    eventually("every process of the server to end", async || (survivors() == 0).then_some(())).await;
}

/// Guards: a result over the limit fails alone, with its size and the limit; the child and its state stay.
#[tokio::test]
async fn a_result_over_the_limit_costs_neither_connection_nor_child() {
    let script = Script::with_tools(vec![tool("look"), tool("wait")]).on("wait", MockAction::Huge { bytes: 12 << 20 });
    let (scene, upstream) = scene(&script).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("local__look", json!({})).await.unwrap();
    let before = processes_of(&upstream);
    let answer = client.call("local__wait", json!({})).await;
    assert_refused!(&answer, "upstream_error");
    let told = format!("{answer:?}");
    assert!(told.contains("the limit is 4194304 bytes") && told.contains("--message-limit"), "{told}");
    assert!(told.contains("`local`"), "{told}");
    client.call("local__look", json!({})).await.unwrap();
    assert_eq!(processes_of(&upstream), before, "the same process");
    let set = json!({ "change": "set_server", "name": "local", "settings": { "message_bytes": 16 << 20 } });
    scene.change(set).await;
    let result = client.call("local__wait", json!({})).await.unwrap();
    assert!(result.to_string().len() > 12 << 20, "allowed by its setting");
}
