//! Instructions that one tool call costs the daemon, counted by callgrind.
//!
//! The daemon is the real program with a real state folder, and the calls come through the real gateway, so the
//! measurement needs no code in the daemon. One run of the daemon measures every case: a few calls, then many. The
//! difference between the two is the calls alone, without start, unlocking and shutdown.
//!
//! Callgrind begins a new part of its output whenever the daemon calls `accept4`, so a connection to the admin socket
//! separates the output before and after it. Reading the counters from outside would need the right to trace a process
//! that forbids it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use briefcase_testkit::{DaemonProcess, GatewayProcess, SetupOptions, SetupResult, TempHome, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{running_briefcase::moved_to_memory, stdio::McpClient};

/// The calls before a case is measured. They fill every cache.
const WARM: usize = 2;
/// The calls of the short part.
const FEW: usize = 4;
/// The calls of the long part.
const MANY: usize = 16;
/// The time without writes that ends the start.
const SETTLED: Duration = Duration::from_secs(2);
/// The maximum time for callgrind to write a part.
const PART: Duration = Duration::from_secs(60);

/// The addition to the policy of a new briefcase: writes run without approval, and one argument is forbidden.
const POLICY: &str = r#"
@id("writes-run") permit (principal, action in Action::"call", resource) when { context.class == "write" };
@id("never-this") forbid (principal, action in Action::"call", resource) when { context.arg_names.contains("forbidden") };
"#;

/// A kind of call to measure.
struct Case {
    name: &'static str,
    tool: &'static str,
    arguments: &'static str,
    /// Whether the tool runs, or the daemon refuses the call.
    runs: bool,
}

const CASES: [Case; 3] = [
    Case { name: "allowed_read", tool: "reader__echo", arguments: r#"{"message":"a short text"}"#, runs: true },
    Case { name: "write", tool: "writer__echo", arguments: r#"{"message":"a short text"}"#, runs: true },
    Case {
        name: "refused",
        tool: "reader__echo",
        arguments: r#"{"message":"a short text","forbidden":true}"#,
        runs: false,
    },
];

/// Counts all cases and prints one line of JSON: the instructions per call of each case.
pub fn count() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let home = TempHome::new();
    let made = runtime.block_on(prepare(&home));
    let state = moved_to_memory(&home.state());
    let counted = Counted::start(&home, state.path(), &made);
    let mut client = McpClient::start(GatewayProcess::command(&home, &made.token, None).into_std(), "");
    counted.settle();
    let mut figures = serde_json::Map::new();
    for case in &CASES {
        case.calls(&mut client, WARM);
        counted.part();
        case.calls(&mut client, FEW);
        let few = counted.part();
        case.calls(&mut client, MANY);
        let many = counted.part();
        figures.insert(case.name.to_owned(), json!(many.saturating_sub(few) / (MANY - FEW) as u64));
    }
    drop(client);
    counted.stop();
    println!("{}", Value::Object(figures));
}

impl Case {
    fn calls(&self, client: &mut McpClient, count: usize) {
        for _ in 0..count {
            let answer = client.call(self.tool, self.arguments);
            assert_eq!(answer.succeeded, self.runs, "{}: {}", self.name, answer.text);
        }
    }
}

/// Sets up a briefcase with a server of reads and a server of writes, and stops it.
async fn prepare(home: &TempHome) -> SetupResult {
    let setup = SetupOptions::default();
    let (daemon, made) = DaemonProcess::new(home, &setup).await;
    // The intent of a read is written after five milliseconds, or with the outcome if that is earlier. It is always
    // later here, so every read costs the same.
    let late = json!({ "transport": "stdio", "argv": [program("fast-upstream"), "--late"] });
    daemon.admin.add_server("reader", &late, &["echo"], &setup.pin).await;
    let spec = json!({ "transport": "stdio", "argv": [program("fast-upstream")] });
    daemon.admin.add_server("writer", &spec, &[], &setup.pin).await;
    let class = json!({ "change": "set_tool", "server": "writer", "tool": "echo", "class": "write" });
    daemon.admin.change(&class, &setup.pin).await;
    let policy: Value = daemon.admin.get("/v1/policy").await;
    let text = format!("{}{POLICY}", policy["text"].as_str().expect("the policy's text"));
    daemon.admin.change(&json!({ "change": "set_policy", "text": text }), &setup.pin).await;
    daemon.stop().await;
    made
}

/// A daemon whose instructions are counted.
struct Counted {
    daemon: Child,
    socket: PathBuf,
    folder: PathBuf,
}

impl Counted {
    /// Starts the daemon and waits until it is ready, without a time limit.
    fn start(home: &TempHome, state: &Path, made: &SetupResult) -> Self {
        let folder = home.file("callgrind");
        fs::create_dir(&folder).expect("a folder");
        let mut command = home.command_of("valgrind").into_std();
        // The kernel's work is not counted, so no write needs to wait for a disk.
        command.env("BRIEFCASE_STATE_DIR", state);
        // A process that the daemon starts is not counted; a program that it becomes by `exec` is.
        command.args(["-q", "--tool=callgrind", "--dump-before=accept4", "--dump-line=no", "--trace-children=yes"]);
        command.arg("--trace-children-skip=*/fast-upstream,*/briefcase-jail");
        command.arg(format!("--callgrind-out-file={}", folder.join("part").display()));
        // Valgrind reports unknown system calls; the daemon continues without them.
        command.stderr(File::create(home.file("valgrind.log")).expect("a file"));
        command.arg(stripped(home)).args(["run", "--console-port", "0", "--unlock-stdin"]);
        let mut daemon = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("valgrind");
        let key = json!({ "unlock_key": made.unlock_key });
        writeln!(daemon.stdin.take().expect("stdin"), "{key}").expect("the daemon reads its key");
        let mut ready = String::new();
        BufReader::new(daemon.stdout.take().expect("stdout")).read_line(&mut ready).expect("the daemon's output");
        let log = || fs::read_to_string(home.file("valgrind.log")).unwrap_or_default();
        assert!(ready.contains(r#""ready":true"#), "the daemon did not start: {}", log());
        Self { daemon, socket: home.runtime().join("admin.sock"), folder }
    }

    /// Removes the parts of the start: the daemon tests its own port before it is ready, and the gateway connects.
    fn settle(&self) {
        let sizes = || {
            let parts = fs::read_dir(&self.folder).expect("callgrind's folder").flatten();
            parts.map(|part| part.metadata().map(|about| about.len()).unwrap_or_default()).collect::<Vec<_>>()
        };
        let (mut before, mut now) = (Vec::new(), sizes());
        while before != now {
            sleep(SETTLED);
            (before, now) = (now, sizes());
        }
        self.parts().into_iter().for_each(|(path, _)| fs::remove_file(path).expect("the part"));
    }

    fn stop(mut self) {
        let id = i32::try_from(self.daemon.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, Signal::TERM).expect("the daemon is ours");
        assert!(self.daemon.wait().expect("the daemon").success(), "the daemon did not end well");
    }

    /// Ends the current part of callgrind. Returns its instructions.
    fn part(&self) -> u64 {
        drop(UnixStream::connect(&self.socket).expect("the admin socket"));
        // The daemon accepts the connection, and polls once more.
        let end = Instant::now() + PART;
        let mut parts = self.parts();
        while parts.len() < 2 {
            assert!(Instant::now() < end, "callgrind wrote no part within {PART:?}");
            sleep(Duration::from_millis(20));
            parts = self.parts();
        }
        parts.into_iter().map(|(path, count)| fs::remove_file(path).map(|()| count).expect("the part")).sum()
    }

    /// The complete parts, with the instructions of each.
    fn parts(&self) -> Vec<(PathBuf, u64)> {
        let paths = fs::read_dir(&self.folder).expect("callgrind's folder").flatten().map(|entry| entry.path());
        paths.filter_map(|path| total(&fs::read_to_string(&path).ok()?).map(|count| (path, count))).collect()
    }
}

/// A copy of the daemon without line numbers, which callgrind reads slowly. It keeps the names: without them callgrind
/// takes every jump target for a function.
fn stripped(home: &TempHome) -> PathBuf {
    let copy = home.file("briefcased");
    let status = Command::new("strip")
        .arg("--strip-debug")
        .arg("-o")
        .arg(&copy)
        .arg(program("briefcased"))
        .status()
        .expect("strip");
    assert!(status.success(), "strip failed");
    // The daemon looks for its launcher in its own folder.
    std::os::unix::fs::symlink(program("briefcase-jail"), home.file("briefcase-jail")).expect("a link");
    copy
}

/// The sum of all instructions in a part. It is the last line, so a part without it is still being written.
fn total(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}
