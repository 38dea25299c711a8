//! Children that lie, flood, break off and linger. Each is a shell script behind a well-behaved handshake.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use briefcase_ports::Upstreams;
use briefcase_types::Era;
use briefcase_upstream::{EnvValue, ServerEvent};
use serde_json::json;

use crate::stage::{SECRET, Stage, line, outbound, session_line, until};

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

fn stage(act: &str) -> Stage {
    let stage = Stage::new();
    stage.stdio("s", &["sh", "-c", &script(act)]);
    stage
}

async fn outcome(act: &str) -> &'static str {
    stage(act).failure(&line("s", Era::Legacy), "t").await
}

#[tokio::test]
async fn attack_41_broken_frames_fail_the_call_at_once() {
    assert_eq!(outcome(r#"printf '{"jsonrpc":"2.0","id":%s,"res' "$id"; exit"#).await, "unreachable");
    assert_eq!(outcome("exit 3").await, "unreachable");
    assert_eq!(outcome("head -c 70000000 /dev/zero").await, "too_large");
    assert_eq!(outcome(r#"ok "$id" '{"a":1,"a":2}'"#).await, "malformed");
    assert_eq!(outcome(r#"ok "$id" '{"a":1e99999}, {'"#).await, "timeout");
}

#[tokio::test]
async fn attack_41_noise_between_messages_is_dropped() {
    let noise = r#"printf 'npm WARN hello\n\377\376\n[1,2]\n{}\n{"jsonrpc":"2.0","id":99,"result":{}}\n{"jsonrpc":"2.0","id":"1","result":{}}\n\n';
        yes log line | head -c 500000 >&2; ok "$id" '{"content":[]}'"#;
    let result = stage(noise).call(&line("s", Era::Legacy), "t", json!({})).await.unwrap();
    assert_eq!(result, json!({"content": []}));
}

#[tokio::test]
async fn attack_08_a_flood_ends_the_connection_and_nothing_else() {
    let stage = stage(r#"yes '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'"#);
    stage.stdio("calm", &["sh", "-c", &script(r#"ok "$id" '{"calm":true}'"#)]);
    let (flooded, calm) = (line("s", Era::Legacy), line("calm", Era::Legacy));
    let (failure, others) = tokio::join!(stage.failure(&flooded, "t"), async {
        for _ in 0..50 {
            assert_eq!(stage.call(&calm, "t", json!({})).await.unwrap()["calm"], true);
        }
    });
    assert_eq!(failure, "flood");
    let () = others;
    until(|| stage.ears.heard(&ServerEvent::Closed { reason: "flood" })).await;
    assert!(stage.ears.events.lock().unwrap().len() < 50, "thousands of notices are a few events");
}

#[tokio::test]
async fn a_thousand_progress_notices_are_thinned_out() {
    let act = r#"i=0; while [ $i -lt 2000 ]; do i=$((i+1));
        printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":%s}}\n' $i; done;
        ok "$id" '{}'"#;
    let stage = stage(act);
    let params = json!({"name": "t", "arguments": {}, "_meta": {"progressToken": 7}});
    stage.send(&line("s", Era::Legacy), "tools/call", params).await.unwrap();
    let heard = stage.ears.notes.lock().unwrap().len();
    assert!((400..2000).contains(&heard), "{heard}");
}

#[tokio::test]
async fn a_dead_child_is_started_again_and_a_dying_one_is_left_alone() {
    let stage = stage(r#"case "$line" in *'"die"'*) exit;; esac; ok "$id" '{}'"#);
    let line = line("s", Era::Legacy);
    assert_eq!(stage.failure(&line, "die").await, "unreachable");
    assert_eq!(stage.call(&line, "live", json!({})).await.unwrap(), json!({}), "the next call starts it again");
    stage.stdio("never", &["/nonexistent/program"]);
    let never = crate::stage::line("never", Era::Legacy);
    for _ in 0..3 {
        assert_eq!(stage.failure(&never, "t").await, "unreachable");
    }
    let error = stage.call(&never, "t", json!({})).await.unwrap_err().to_string();
    assert!(error.contains("/nonexistent/program"), "{error}");
}

#[tokio::test]
async fn attack_09_arguments_reach_the_program_as_they_stand() {
    let stage = Stage::new();
    let odd = "a b && touch /tmp/never; $(id)\n\u{202e}x";
    let echo = script(r#"printf '%s' "$1" | od -An -tx1 | tr -d ' \n' > "$2"; ok "$id" '{}'"#);
    let file = tempfile::NamedTempFile::new().unwrap();
    stage.stdio("s", &["sh", "-c", &echo, "sh", odd, file.path().to_str().unwrap()]);
    stage.call(&line("s", Era::Legacy), "t", json!({})).await.unwrap();
    let hex: String = odd.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), hex);
}

#[tokio::test]
async fn a_closed_session_takes_the_whole_family_along() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let act = format!(
        r#"(trap '' TERM HUP; sleep 1000 & echo $! > {path}; wait) & while [ ! -s {path} ]; do sleep 0.02; done; ok "$id" '{{}}'"#
    );
    let stage = stage(&act);
    stage.call(&line("s", Era::Legacy), "t", json!({})).await.unwrap();
    let grandchild: u32 = std::fs::read_to_string(path).unwrap().trim().parse().unwrap();
    let alive = || std::path::Path::new(&format!("/proc/{grandchild}/status")).exists();
    assert!(alive());
    stage.pool.shutdown().await;
    until(|| !alive() || is_zombie(grandchild)).await;
}

fn is_zombie(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_server_that_does_not_read_or_answer_times_out_and_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let stage = stage(&format!(r#"read -r next; printf '%s' "$next" > {}"#, file.path().display()));
    let mut request = outbound("tools/call", &json!({"name": "t", "arguments": {}}));
    request.timeout = Duration::from_millis(300);
    let failure = stage.pool.send(&line("s", Era::Legacy), request, stage.ears.clone()).await.unwrap_err();
    assert_eq!(failure.reason(), "timeout");
    let told = || {
        std::fs::read_to_string(file.path()).unwrap().contains(r#""notifications/cancelled","params":{"requestId":2}"#)
    };
    until(told).await;
}

#[tokio::test]
async fn questions_outside_of_any_call_go_to_the_session() {
    let act = r#"ok "$id" '{}'; sleep 0.1; printf '{"jsonrpc":"2.0","id":"q","method":"roots/list"}\n';
        printf '{"jsonrpc":"2.0","id":"p","method":"ping"}\n{"jsonrpc":"2.0","id":"e","method":"evil/method"}\n';
        read -r a; read -r b; read -r c; printf '{"jsonrpc":"2.0","method":"x/answers","params":{"all":"%s"}}\n' "$(printf '%s%s%s' "$a" "$b" "$c" | tr -d '"\\')""#;
    let stage = stage(act);
    stage.call(&line("s", Era::Legacy), "t", json!({})).await.unwrap();
    let answers = || {
        stage.ears.events.lock().unwrap().iter().find_map(|event| match event {
            ServerEvent::Notice { params, .. } => Some(String::from_utf8(params.to_vec()).unwrap()),
            _ => None,
        })
    };
    until(|| answers().is_some()).await;
    let answers = answers().unwrap();
    for part in ["id:q,result:{roots:[]}", "id:p,result:{}", "id:e,error:{code:-32601"] {
        assert!(answers.contains(part), "{part}: {answers}");
    }
    assert_eq!(stage.ears.asked.lock().unwrap().len(), 1, "only the question that a client can answer");
}

#[tokio::test]
async fn a_clients_notice_reaches_the_servers_it_is_connected_to() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let stage = stage(&format!(r#"ok "$id" '{{}}'; read -r next; printf '%s' "$next" > {}"#, file.path().display()));
    let line = line("s", Era::Legacy);
    stage.call(&line, "t", json!({})).await.unwrap();
    assert_eq!(stage.pool.connections(&line.server), 1);
    stage.pool.tell(line.session, "notifications/roots/list_changed", None);
    until(|| std::fs::read_to_string(file.path()).unwrap().contains("roots/list_changed")).await;
}

#[tokio::test]
async fn a_forgotten_server_fails_what_runs_and_other_sessions_start_anew() {
    let stage = stage("sleep 30");
    let (one, two) = (session_line("s", Era::Legacy, 'A'), session_line("s", Era::Legacy, 'B'));
    let forget = async {
        let server = "s".parse().unwrap();
        until(|| stage.pool.connections(&server) == 2).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.pool.forget_server(&server);
    };
    let (first, second, ()) = tokio::join!(stage.failure(&one, "t"), stage.failure(&two, "t"), forget);
    assert_eq!((first, second), ("unreachable", "unreachable"));
    assert_eq!(stage.send(&one, "ping", json!({})).await.unwrap(), json!({}));
}

#[tokio::test]
async fn a_look_joins_only_a_look_that_began_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (arrived, gate) = (folder.path().join("arrived"), folder.path().join("gate"));
    // Each list says that it was asked for, and is answered once the gate is open.
    let counted = script("true").replace(
        r#"*'"method":"ping"'*"#,
        r#"*'"method":"tools/list"'*) n=$((n+1)); : > "$1"; while [ ! -e "$2" ]; do sleep 0.02; done
      ok "$id" "{\"tools\":[{\"name\":\"v$n\"}]}";;
    *'"method":"ping"'*"#,
    );
    let stage = Stage::new();
    stage.stdio("s", &["sh", "-c", &counted, "sh", arrived.to_str().unwrap(), gate.to_str().unwrap()]);
    let line = line("s", Era::Legacy);
    stage.send(&line, "ping", json!({})).await.unwrap();
    let look = async || stage.pool.list_tools(&line).await.unwrap().tools[0].name.clone();
    let later = async {
        until(|| arrived.exists()).await;
        // Polled in this order: the others ask while the first still waits.
        tokio::join!(look(), look(), look(), async { std::fs::write(&gate, "").unwrap() })
    };
    let (first, (second, third, fourth, ())) = tokio::join!(look(), later);
    assert_eq!([first, second, third, fourth], ["v1", "v2", "v2", "v2"]);
}

#[tokio::test]
async fn a_child_that_refuses_one_era_is_asked_in_the_other_without_a_new_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let starts = format!("echo start >> {}\n", file.path().display());
    let refuses = script(r#"ok "$id" '{}'"#).replace(
        r#"*'"method":"ping"'*"#,
        r#"*'"method":"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"what?"}}\n' "$id";;
    *'"method":"ping"'*"#,
    );
    let stage = Stage::new();
    stage.stdio("s", &["sh", "-c", &(starts + &refuses)]);
    stage.call(&line("s", Era::Modern), "t", json!({})).await.unwrap();
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "start\n");
    assert!(stage.ears.events.lock().unwrap().is_empty());
}

#[tokio::test]
async fn attack_15_what_a_child_logs_is_shown_without_its_secrets() {
    let log = Log::default();
    let shown = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || shown.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let act = r#"printf 'key %s\033[2J\n' "$KEY" >&2; printf '%s' "$KEY" | od -An -tx1 | tr -d ' \n' >&2; echo over >&2; ok "$id" '{}'"#;
    let stage = Stage::new();
    let secret = EnvValue::Secret { template: "{secret}".into(), secret: "token".parse().unwrap() };
    stage.stdio_with("s", &["sh", "-c", &script(act)], vec![("KEY".into(), secret)]);
    stage.call(&line("s", Era::Legacy), "t", json!({})).await.unwrap();
    stage.pool.shutdown().await;
    until(|| log.text().contains("over")).await;
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
