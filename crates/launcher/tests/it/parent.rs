//! A child dies with the daemon, however the daemon ends.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use briefcase_ports::Launcher as _;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::OwnedFd,
    process::{Pid, PidfdFlags, pidfd_open},
};
use tokio::io::AsyncBufReadExt as _;

use crate::{LONG, command, launcher};

/// The variable that makes this test program act as the daemon.
const DAEMON: &str = "LAUNCHER_TEST_DAEMON";

/// A process that is watched by a descriptor, because a number can be reused.
pub struct Process(OwnedFd);

impl Process {
    pub fn of(pid: i32) -> Self {
        Self(pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).expect("the process runs"))
    }

    /// Waits until the process has ended.
    pub async fn ends(self) {
        let timeout = rustix::event::Timespec { tv_sec: LONG.as_secs().try_into().unwrap(), tv_nsec: 0 };
        let ended =
            tokio::task::spawn_blocking(move || poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)));
        assert_eq!(ended.await.unwrap(), Ok(1), "the process still runs");
    }
}

/// The daemon of the tests below: starts a child, prints the numbers that it prints, and waits to be killed.
#[test]
fn as_daemon() {
    let Some(script) = std::env::var_os(DAEMON) else { return };
    let script = script.into_string().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // A thread of the runtime that ends soon after it requested the start.
        let launched = tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current()
                .block_on(async { launcher().launch(command(&["sh", "-c", &script])).await })
        });
        let mut child = launched.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
        let mut line = String::new();
        tokio::io::BufReader::new(&mut child.stdout).read_line(&mut line).await.unwrap();
        // The test runner has started a line of its own.
        println!("\nchild {line}");
        std::future::pending::<()>().await;
    });
}

/// The processes whose numbers the child of a daemon prints, and the daemon.
fn daemon_with_child(script: &str) -> (std::process::Child, Vec<Process>) {
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["parent::as_daemon", "--exact", "--nocapture"])
        .env(DAEMON, script)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line =
        lines.find_map(|line| line.strip_prefix("child ").map(str::to_owned)).expect("the daemon started a child");
    (daemon, line.split_whitespace().map(|pid| Process::of(pid.parse().unwrap())).collect())
}

#[tokio::test]
async fn a_child_and_what_it_started_die_when_the_daemon_is_killed() {
    for script in [
        "echo $$; exec sleep 1000",
        // A child that ignores signals and does not read.
        "trap '' TERM HUP INT; echo $$; while :; do sleep 1000; done",
        // What a wrapper such as `npx` starts, deaf to signals too.
        "trap '' TERM HUP; sh -c \"trap '' TERM HUP; sleep 1000; :\" & echo $$ $!; wait",
        // A grandchild whose parent has ended.
        "(trap '' TERM HUP; exec sleep 1000) & echo $!; exit",
        // Two generations below.
        "sh -c 'sleep 1000 & echo $$ $!; wait' & wait",
    ] {
        let (mut daemon, processes) = daemon_with_child(script);
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        for process in processes {
            process.ends().await;
        }
    }
}

/// The processes that run the launcher's program as `server`'s companion: those of its group that are not its own.
fn group_of(server: i32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let in_group = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        fields.get(2) == Some(&server.to_string().as_str()) && fields.first() != Some(&"Z")
    };
    numbers.filter(in_group).collect()
}

#[tokio::test]
async fn no_process_stays_when_a_server_ends_or_is_dropped() {
    for script in ["echo $$; read -r line", "echo $$; exec sleep 1000"] {
        let mut child = crate::launch(&["sh", "-c", script]).await;
        let mut line = String::new();
        tokio::io::BufReader::new(&mut child.stdout).read_line(&mut line).await.unwrap();
        let server: i32 = line.trim().parse().unwrap();
        let members: Vec<Process> = group_of(server).into_iter().map(Process::of).collect();
        assert!(members.len() >= 2, "the server and the process that ends its group");
        drop(child);
        for member in members {
            member.ends().await;
        }
    }
}

#[tokio::test]
async fn the_process_that_ends_the_group_has_no_stream_and_no_secret() {
    let mut command = command(&["sh", "-c", "echo $$; exec sleep 1000"]);
    command.env.push(("KEY".to_owned(), zeroize::Zeroizing::new("canary-5a1e".to_owned())));
    let mut child = launcher().launch(command).await.unwrap_or_else(|error| panic!("{error}"));
    let mut line = String::new();
    tokio::io::BufReader::new(&mut child.stdout).read_line(&mut line).await.unwrap();
    let server: i32 = line.trim().parse().unwrap();
    let companion = group_of(server).into_iter().find(|pid| *pid != server).expect("a companion");
    let read = |name: &str| std::fs::read(format!("/proc/{companion}/{name}")).unwrap();
    assert!(!read("environ").windows(6).any(|part| part == b"canary"), "the environment");
    let open: Vec<String> = std::fs::read_dir(format!("/proc/{companion}/fd"))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(open.len() == 2 && open.iter().all(|target| target.contains("pidfd")), "{open:?}");
}
