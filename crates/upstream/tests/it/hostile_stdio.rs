//! Children that lie, flood, break off and linger. Each is a shell script behind a correct handshake.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use briefcase_ports::{ListKind, ServerEvent, Upstreams};
use briefcase_types::{EnvValue, Era};
use serde_json::json;

use crate::harness::{Harness, SECRET, eventually, key, outbound, session_key};

/// A server that answers the handshake and runs `act` on `tools/call`; `$id` is the request's id.
fn script(act: &str) -> String {
    format!(
        r#"ok() {{ printf '{{"jsonrpc":"2.0","id":%s,"result":%s}}\n' "$1" "$2"; }}
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"method":"initialize"'*) ok "$id" '{{"protocolVersion":"2025-11-25","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"sh","version":"1"}}}}';;
    *'"method":"tools/call"'*) {act};;
    *'"method":"ping"'*) ok "$id" '{{}}';;
  esac
done"#
    )
}

fn harness(act: &str) -> Harness {
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &script(act)]);
    harness
}

async fn outcome(act: &str) -> &'static str {
    harness(act).failure(&key("s", Era::Legacy), "t").await
}

#[tokio::test]
async fn attack_41_broken_frames_fail_the_call_at_once() {
    assert_eq!(outcome(r#"printf '{"jsonrpc":"2.0","id":%s,"res' "$id"; exit"#).await, "unreachable");
    assert_eq!(outcome("exit 3").await, "unreachable");
    assert_eq!(outcome("head -c 70000000 /dev/zero").await, "too_large");
    assert_eq!(outcome(r#"ok "$id" '{"a":1,"a":2}'"#).await, "malformed");
    assert_eq!(outcome(r#"ok "$id" '{"a":1e99999}, {'"#).await, "malformed");
    assert_eq!(outcome(r#"printf '{"result":{"a":1},"jsonrpc":"2.0","id":%s} x\n' "$id""#).await, "malformed");
}

#[tokio::test]
async fn attack_41_noise_between_messages_is_dropped() {
    let noise = r#"printf 'npm WARN hello\n\377\376\n[1,2]\n{}\n{"jsonrpc":"2.0","id":99,"result":{}}\n{"jsonrpc":"2.0","id":"1","result":{}}\n\n';
        yes log line | head -c 500000 >&2; ok "$id" '{"content":[]}'"#;
    let result = harness(noise).call(&key("s", Era::Legacy), "t", json!({})).await.unwrap();
    assert_eq!(result, json!({"content": []}));
}

#[tokio::test]
async fn attack_08_a_flood_ends_the_connection_and_nothing_else() {
    let harness = harness(r#"yes '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'"#);
    harness.stdio("calm", &["sh", "-c", &script(r#"ok "$id" '{"calm":true}'"#)]);
    let (flooded, calm) = (key("s", Era::Legacy), key("calm", Era::Legacy));
    let (failure, others) = tokio::join!(harness.failure(&flooded, "t"), async {
        for _ in 0..50 {
            assert_eq!(harness.call(&calm, "t", json!({})).await.unwrap()["calm"], true);
        }
    });
    assert_eq!(failure, "flood");
    let () = others;
    eventually(|| harness.recorder.has_event(&ServerEvent::Closed { reason: "flood" })).await;
    assert!(harness.recorder.events.lock().unwrap().len() < 50, "thousands of notifications become a few events");
}

#[tokio::test]
async fn thousands_of_progress_notifications_are_thinned_out() {
    let act = r#"i=0; while [ $i -lt 2000 ]; do i=$((i+1));
        printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":%s}}\n' $i; done;
        ok "$id" '{}'"#;
    let harness = harness(act);
    let params = json!({"name": "t", "arguments": {}, "_meta": {"progressToken": 7}});
    harness.send(&key("s", Era::Legacy), "tools/call", params).await.unwrap();
    let heard = harness.recorder.notifications.lock().unwrap().len();
    assert!((400..2000).contains(&heard), "{heard}");
}

#[tokio::test]
async fn a_dead_child_is_started_again_and_one_that_cannot_start_is_not() {
    let harness = harness(r#"case "$line" in *'"die"'*) exit;; esac; ok "$id" '{}'"#);
    let key = key("s", Era::Legacy);
    assert_eq!(harness.failure(&key, "die").await, "unreachable");
    assert_eq!(harness.call(&key, "live", json!({})).await.unwrap(), json!({}), "the next call starts it again");
    harness.stdio("never", &["/nonexistent/program"]);
    let never = crate::harness::key("never", Era::Legacy);
    for _ in 0..3 {
        assert_eq!(harness.failure(&never, "t").await, "unreachable");
    }
    let error = harness.call(&never, "t", json!({})).await.unwrap_err().to_string();
    assert!(error.contains("/nonexistent/program"), "{error}");
}

#[tokio::test]
async fn attack_09_arguments_reach_the_program_unchanged() {
    let harness = Harness::new();
    let odd = "a b && touch /tmp/never; $(id)\n\u{202e}x";
    let echo = script(r#"printf '%s' "$1" | od -An -tx1 | tr -d ' \n' > "$2"; ok "$id" '{}'"#);
    let file = tempfile::NamedTempFile::new().unwrap();
    harness.stdio("s", &["sh", "-c", &echo, "sh", odd, file.path().to_str().unwrap()]);
    harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap();
    let hex: String = odd.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), hex);
}

#[tokio::test]
async fn a_closed_session_ends_the_whole_process_group() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let act = format!(
        r#"(trap '' TERM HUP; sleep 1000 & echo $! > {path}; wait) & while [ ! -s {path} ]; do sleep 0.02; done; ok "$id" '{{}}'"#
    );
    let harness = harness(&act);
    harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap();
    let grandchild: u32 = std::fs::read_to_string(path).unwrap().trim().parse().unwrap();
    let alive = || std::path::Path::new(&format!("/proc/{grandchild}/status")).exists();
    assert!(alive());
    harness.pool.shutdown().await;
    eventually(|| !alive() || is_zombie(grandchild)).await;
}

fn is_zombie(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_server_that_does_not_answer_times_out_and_is_notified() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let harness = harness(&format!(r#"read -r next; printf '%s' "$next" > {}"#, file.path().display()));
    let mut request = outbound("tools/call", &json!({"name": "t", "arguments": {}}));
    request.timeout = Duration::from_millis(300);
    let failure = harness.pool.send(&key("s", Era::Legacy), request, harness.recorder.clone()).await.unwrap_err();
    assert_eq!(failure.reason(), "timeout");
    let told = || {
        std::fs::read_to_string(file.path()).unwrap().contains(r#""notifications/cancelled","params":{"requestId":2}"#)
    };
    eventually(told).await;
}

#[tokio::test]
async fn requests_outside_of_any_call_go_to_the_session() {
    let act = r#"ok "$id" '{}'; sleep 0.1; printf '{"jsonrpc":"2.0","id":"q","method":"roots/list"}\n';
        printf '{"jsonrpc":"2.0","id":"p","method":"ping"}\n{"jsonrpc":"2.0","id":"e","method":"evil/method"}\n';
        read -r a; read -r b; read -r c; printf '{"jsonrpc":"2.0","method":"x/answers","params":{"all":"%s"}}\n' "$(printf '%s%s%s' "$a" "$b" "$c" | tr -d '"\\')""#;
    let harness = harness(act);
    harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap();
    let answers = || {
        harness.recorder.events.lock().unwrap().iter().find_map(|event| match event {
            ServerEvent::Notification { params, .. } => Some(String::from_utf8(params.to_vec()).unwrap()),
            _ => None,
        })
    };
    eventually(|| answers().is_some()).await;
    let answers = answers().unwrap();
    for part in ["id:q,result:{roots:[]}", "id:p,result:{}", "id:e,error:{code:-32601"] {
        assert!(answers.contains(part), "{part}: {answers}");
    }
    assert_eq!(harness.recorder.requests.lock().unwrap().len(), 1, "only the question that a client can answer");
}

#[tokio::test]
async fn a_clients_notification_reaches_its_connected_servers() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let harness =
        harness(&format!(r#"ok "$id" '{{}}'; read -r next; printf '%s' "$next" > {}"#, file.path().display()));
    let key = key("s", Era::Legacy);
    harness.call(&key, "t", json!({})).await.unwrap();
    assert_eq!(harness.pool.connections(&key.server), 1);
    harness.pool.notify(key.session, "notifications/roots/list_changed");
    eventually(|| std::fs::read_to_string(file.path()).unwrap().contains("roots/list_changed")).await;
}

#[tokio::test]
async fn forgetting_a_server_fails_its_calls_and_sessions_reconnect() {
    let harness = harness("sleep 30");
    let (one, two) = (session_key("s", Era::Legacy, 'A'), session_key("s", Era::Legacy, 'B'));
    let forget = async {
        let server = "s".parse().unwrap();
        eventually(|| harness.pool.connections(&server) == 2).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        harness.pool.forget_server(&server);
    };
    let (first, second, ()) = tokio::join!(harness.failure(&one, "t"), harness.failure(&two, "t"), forget);
    assert_eq!((first, second), ("unreachable", "unreachable"));
    assert_eq!(harness.send(&one, "ping", json!({})).await.unwrap(), json!({}));
}

#[tokio::test]
async fn a_caller_shares_only_a_list_that_started_after_its_call() {
    let folder = tempfile::tempdir().unwrap();
    let (arrived, gate) = (folder.path().join("arrived"), folder.path().join("gate"));
    // Each list says that it was asked for, and is answered once the gate is open.
    let counted = script("true").replace(
        r#"*'"method":"ping"'*"#,
        r#"*'"method":"tools/list"'*) n=$((n+1)); : > "$1"; while [ ! -e "$2" ]; do sleep 0.02; done
      ok "$id" "{\"tools\":[{\"name\":\"v$n\"}]}";;
    *'"method":"ping"'*"#,
    );
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &counted, "sh", arrived.to_str().unwrap(), gate.to_str().unwrap()]);
    let key = key("s", Era::Legacy);
    harness.send(&key, "ping", json!({})).await.unwrap();
    let list = async || harness.pool.list_tools(&key).await.unwrap().tools[0].name.clone();
    let later = async {
        eventually(|| arrived.exists()).await;
        // Polled in this order: the others ask while the first still waits.
        tokio::join!(list(), list(), list(), async { std::fs::write(&gate, "").unwrap() })
    };
    let (first, (second, third, fourth, ())) = tokio::join!(list(), later);
    assert_eq!([first, second, third, fourth], ["v1", "v2", "v2", "v2"]);
}

/// Guards: after a failed write of the record no server is contacted and no program starts, whatever for.
#[tokio::test]
async fn attack_61_no_server_is_contacted_after_the_record_failed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let failed = Arc::new(AtomicBool::new(false));
    let harness = Harness::recorded(&failed);
    let lines = script(r#"ok "$id" '{}'"#).replace("  id=$(", r#"  echo "$line" >> "$1"; id=$("#);
    let argv = format!("echo start >> \"$1\"\n{lines}");
    harness.stdio("s", &["sh", "-c", &argv, "sh", file.path().to_str().unwrap()]);
    let (open, new) = (session_key("s", Era::Legacy, 'A'), session_key("s", Era::Legacy, 'B'));
    harness.call(&open, "t", json!({})).await.unwrap();
    let record = || std::fs::read_to_string(file.path()).unwrap();
    let before = record();
    assert!(before.contains("start") && before.contains("tools/call"), "{before}");
    failed.store(true, Ordering::SeqCst);
    for key in [&open, &new] {
        let failures = [
            harness.pool.server_info(key).await.err(),
            harness.pool.list_tools(key).await.err(),
            harness.pool.list(key, ListKind::Resources).await.err(),
            harness.pool.list(key, ListKind::Prompts).await.err(),
            harness.call(key, "t", json!({})).await.err(),
            harness.send(key, "ping", json!({})).await.err(),
        ];
        for failure in failures {
            assert_eq!(failure.expect("a failure").reason(), "record");
        }
        harness.pool.notify(key.session, "notifications/roots/list_changed");
    }
    assert_eq!(record(), before);
    failed.store(false, Ordering::SeqCst);
    harness.call(&new, "t", json!({})).await.unwrap();
    assert!(!record().contains("list_changed"));
}

#[tokio::test]
async fn a_child_that_rejects_one_era_is_probed_in_the_other_without_a_restart() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let starts = format!("echo start >> {}\n", file.path().display());
    let refuses = script(r#"ok "$id" '{}'"#).replace(
        r#"*'"method":"ping"'*"#,
        r#"*'"method":"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"what?"}}\n' "$id";;
    *'"method":"ping"'*"#,
    );
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &(starts + &refuses)]);
    harness.call(&key("s", Era::Modern), "t", json!({})).await.unwrap();
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "start\n");
    assert!(harness.recorder.events.lock().unwrap().is_empty());
}

#[tokio::test]
async fn attack_15_a_childs_log_is_shown_without_its_secrets() {
    let log = Log::default();
    let shown = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || shown.clone()).finish();
    // With one subscriber alone, a log statement that another test's thread reaches first stays off for all threads.
    let _other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let _guard = tracing::subscriber::set_default(subscriber);
    let act = r#"printf 'key %s\033[2J\n' "$KEY" >&2; printf '%s' "$KEY" | od -An -tx1 | tr -d ' \n' >&2; echo over >&2; ok "$id" '{}'"#;
    let harness = Harness::new();
    let secret = EnvValue::Secret("token".parse().unwrap());
    harness.stdio_with("s", &["sh", "-c", &script(act)], vec![("KEY".into(), secret)]);
    harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap();
    // The last line may be the first part of a secret, so it is shown when the child has ended.
    harness.pool.shutdown().await;
    eventually(|| log.text().contains("over")).await;
    let text = log.text();
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(text.contains("key ") && !text.contains(SECRET) && !text.contains(&hex), "{text}");
    assert!(!text.contains("\u{1b}[2J"), "nothing moves a cursor");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A server that keeps a count, which is lost when its process ends.
fn counting(act: &str) -> String {
    format!(
        "n=0\n{}",
        script(&format!(r#"n=$((n+1)); case "$line" in *'"odd"'*) {act};; *) ok "$id" "{{\"n\":$n}}";; esac"#))
    )
}

fn counting_harness(act: &str) -> Harness {
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &counting(act)]);
    harness
}

#[tokio::test]
async fn attack_41_a_result_over_the_limit_fails_alone_and_the_child_keeps_its_state() {
    let text = "head -c 400000 /dev/zero | tr '\\0' x";
    for act in [
        format!(r#"printf '{{"jsonrpc":"2.0","id":%s,"result":"' "$id"; {text}; printf '"}}\n'"#),
        format!(r#"printf '{{"result":{{"id":77,"t":"'; {text}; printf '"}},"jsonrpc":"2.0","id":%s}}\n' "$id""#),
        format!(r#"printf '{{"result":"'; {text}; printf '","id":"%s","jsonrpc":"2.0"}}\n' "$id""#),
        // Without an id it can only be the one request.
        format!(r#"{text}; echo"#),
    ] {
        let harness = counting_harness(&act);
        let key = key("s", Era::Legacy);
        assert_eq!(harness.call(&key, "t", json!({})).await.unwrap(), json!({"n": 1}));
        let failure = harness.call(&key, "odd", json!({})).await.unwrap_err();
        assert_eq!(failure.reason(), "too_large", "{act}");
        let said = failure.to_string();
        assert!(said.contains("400") && said.contains("262144 bytes"), "{said}");
        assert_eq!(harness.call(&key, "t", json!({})).await.unwrap(), json!({"n": 3}), "the same process: {act}");
        harness.raise_limit("s", 1 << 20);
        harness.pool.forget_server(&key.server);
        if !act.ends_with("echo") {
            let result = harness.call(&key, "odd", json!({})).await.unwrap();
            assert!(result.to_string().len() > 400_000, "allowed by its setting");
        }
    }
}

#[tokio::test]
async fn attack_41_a_request_of_the_server_over_the_limit_is_answered() {
    let act = r#"printf '{"jsonrpc":"2.0","id":"q","method":"roots/list","params":{"x":"'; head -c 400000 /dev/zero | tr '\0' x
        printf '"}}\n'; read -r answer; case "$answer" in *'"id":"q","error"'*) ok "$id" '{}';; esac"#;
    assert_eq!(counting_harness(act).call(&key("s", Era::Legacy), "odd", json!({})).await.unwrap(), json!({}));
}

#[tokio::test]
async fn an_id_in_another_form_is_the_same_id() {
    for form in ["\"%s\"", "%s.0", "%se0", "\"%s\", \"x\":1"] {
        let act = format!(r#"printf '{{"jsonrpc":"2.0","result":{{"ok":1}},"id":{form}}}\n' "$id""#);
        let result = counting_harness(&act).call(&key("s", Era::Legacy), "odd", json!({})).await;
        assert_eq!(result.unwrap(), json!({"ok": 1}), "{form}");
    }
}

#[tokio::test]
async fn an_unknown_id_is_reported_soon_and_a_late_reply_is_none() {
    for id in ["999", "\"x\"", "\"2x\"", "-2"] {
        let act = format!(r#"printf '{{"jsonrpc":"2.0","id":{id},"result":{{}}}}\n'"#);
        let harness = counting_harness(&act);
        let mut request = outbound("tools/call", &json!({"name": "odd", "arguments": {}}));
        request.timeout = Duration::from_secs(3600);
        let key = key("s", Era::Legacy);
        let sent = harness.pool.send(&key, request, harness.recorder.clone());
        let failure = tokio::time::timeout(Duration::from_secs(20), sent).await.expect("no silence").unwrap_err();
        assert_eq!(failure.reason(), "wrong_id", "{id}");
        assert!(failure.details().unwrap().contains(id), "{failure:?}");
    }
    // An error without an id, right after the request.
    let act = r#"printf '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}\n'"#;
    assert_eq!(counting_harness(act).failure(&key("s", Era::Legacy), "odd").await, "wrong_id");
    // The reply to a request that was given up is late, not wrong.
    let act = r#"id1=$id; read -r cancelled; read -r next; id=$(printf '%s' "$next" | sed -n 's/.*"id":\([0-9]*\).*/\1/p'); ok "$id1" '{}'; sleep 3; ok "$id" '{"late":0}'"#;
    let harness = counting_harness(act);
    let key = key("s", Era::Legacy);
    let mut request = outbound("tools/call", &json!({"name": "odd", "arguments": {}}));
    request.timeout = Duration::from_millis(300);
    assert!(harness.pool.send(&key, request, harness.recorder.clone()).await.is_err());
    assert_eq!(harness.call(&key, "t", json!({})).await.unwrap(), json!({"late": 0}));
}

#[tokio::test]
async fn attack_21_framing_around_messages_is_removed() {
    let framed = script(r#"ok "$id" '{"ok":1}'"#).replace(
        r#"'{"jsonrpc":"2.0","id":%s,"result":%s}\n'"#,
        r#"'\357\273\277{"jsonrpc":"2.0","id":%s,"result":%s}\r\n\r\n  \n'"#,
    );
    assert!(framed.contains("357"), "{framed}");
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &framed]);
    assert_eq!(harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap(), json!({"ok": 1}));
}

/// The failure of a server's start, for a person.
async fn start_failure(script: &str, change: impl FnOnce(&mut briefcase_ports::UpstreamSpec)) -> String {
    let harness = Harness::new();
    let secret = EnvValue::Secret("token".parse().unwrap());
    harness.stdio_with("s", &["sh", "-c", script], vec![("KEY".into(), secret)]);
    harness.change("s", change);
    let failure = harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap_err();
    let agent = failure.to_string();
    for word in ["no licence", "Traceback", "/dev/std", "loading"] {
        assert!(!agent.contains(word), "an agent gets nothing that a server wrote: {agent}");
    }
    format!("{agent} {} {}", failure.details().unwrap_or_default(), failure.next_step("s"))
}

#[tokio::test]
async fn a_start_that_fails_says_the_status_and_the_last_lines() {
    for (script, parts) in [
        ("echo 'no licence found' >&2; exit 3", vec!["exit status 3", "no licence found", "briefcase server test s"]),
        ("echo Traceback >&2; echo 'ValueError: x' >&2; kill -9 $$", vec!["signal 9", "Traceback | ValueError: x"]),
        ("exit 0", vec!["exit status 0"]),
        ("printf 'key is %s\\033[2J' \"$KEY\" >&2; exit 1", vec!["exit status 1", "key is ", "\\u{1b}[2J"]),
        (
            "for i in 1 2 3 4 5 6 7 8 9; do echo line $i >&2; done; exit 1",
            vec!["line 5 | line 6 | line 7 | line 8 | line 9"],
        ),
    ] {
        let text = start_failure(script, |_| {}).await;
        for part in parts {
            assert!(text.contains(part), "{script}: {part}: {text}");
        }
        assert!(!text.contains(SECRET) && !text.contains("line 4"), "{text}");
    }
}

#[tokio::test]
async fn attack_65_a_program_that_opens_its_streams_by_path_is_named_with_the_setting() {
    for script in
        ["cat < /dev/stdin", "cat > /dev/stdout", "cat < /proc/self/fd/0; exit 1", "exec 3< /dev/fd/0; cat <&3"]
    {
        let text = start_failure(script, |_| {}).await;
        assert!(text.contains("by path") && text.contains("briefcase server set s --stdio pipes"), "{script}: {text}");
    }
    let by_path = format!("exec < /dev/stdin > /dev/stdout\n{}", script(r#"ok "$id" '{"ok":1}'"#));
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &by_path]);
    assert_eq!(harness.failure(&key("s", Era::Legacy), "t").await, "unreachable");
    harness.change("s", |spec| spec.pipes = true);
    harness.pool.forget_server(&"s".parse().unwrap());
    assert_eq!(harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap(), json!({"ok": 1}));
}

#[tokio::test]
async fn a_start_that_takes_too_long_says_so_and_can_be_given_more_time() {
    let slow = format!("echo loading models >&2; sleep 4\n{}", script(r#"ok "$id" '{"ok":1}'"#));
    let text = start_failure(&slow, |spec| {
        spec.limits.open = Duration::from_secs(1);
        spec.limits.first_open = Duration::from_secs(1);
    })
    .await;
    for part in ["within 1 seconds", "loading models", "briefcase server set s --start-timeout"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for era in [Era::Legacy, Era::Modern] {
        let harness = Harness::new();
        harness.stdio("s", &["sh", "-c", &slow]);
        // The first start is the longer one.
        harness.change("s", |spec| spec.limits.open = Duration::from_secs(1));
        assert_eq!(harness.call(&key("s", era), "t", json!({})).await.unwrap(), json!({"ok": 1}), "{era:?}");
    }
}

#[tokio::test]
async fn a_start_goes_on_when_its_caller_gives_up() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let slow = format!("echo start >> {}; sleep 2\n{}", file.path().display(), script(r#"ok "$id" '{"ok":1}'"#));
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &slow]);
    let key = key("s", Era::Legacy);
    let impatient = tokio::time::timeout(Duration::from_millis(300), harness.call(&key, "t", json!({}))).await;
    assert!(impatient.is_err());
    assert_eq!(harness.call(&key, "t", json!({})).await.unwrap(), json!({"ok": 1}));
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "start\n", "it was started once");
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_ends_with_the_pool() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let harness = Harness::new();
    harness.stdio("s", &["sh", "-c", &format!("echo $$ > {}; exec sleep 1000", file.path().display())]);
    let started = || std::fs::read_to_string(file.path()).unwrap().trim().parse::<u32>().ok();
    {
        let key = key("s", Era::Legacy);
        let call = harness.call(&key, "t", json!({}));
        tokio::select! {
            _ = call => panic!("it never answers"),
            () = eventually(|| started().is_some()) => {}
        }
    }
    let child = started().unwrap();
    drop(harness);
    let gone = || !std::path::Path::new(&format!("/proc/{child}/status")).exists() || is_zombie(child);
    eventually(gone).await;
}

#[tokio::test]
async fn a_connection_that_is_idle_for_an_hour_is_closed_with_its_child() {
    let harness = counting_harness("true");
    let key = key("s", Era::Legacy);
    for count in 1..3 {
        assert_eq!(harness.call(&key, "t", json!({})).await.unwrap(), json!({"n": count}));
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(59 * 60)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(harness.pool.connections(&key.server), 1);
    tokio::time::advance(Duration::from_secs(2 * 60)).await;
    eventually(|| harness.pool.connections(&key.server) == 0).await;
    tokio::time::resume();
    assert!(harness.recorder.has_event(&ServerEvent::Closed { reason: "idle" }));
    assert_eq!(harness.call(&key, "t", json!({})).await.unwrap(), json!({"n": 1}), "a new process");
}
