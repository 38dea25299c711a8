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

/// The daemon of the test below: starts a child, prints its number, and waits to be killed.
#[test]
fn as_daemon() {
    if std::env::var_os(DAEMON).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // A thread of the runtime that ends soon after it requested the start.
        let launched = tokio::task::spawn_blocking(|| {
            tokio::runtime::Handle::current()
                .block_on(async { launcher().launch(command(&["sh", "-c", "echo $$; exec sleep 1000"])).await })
        });
        let mut child = launched.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
        let mut line = String::new();
        tokio::io::BufReader::new(&mut child.stdout).read_line(&mut line).await.unwrap();
        // The test runner has started a line of its own.
        println!("\nchild {line}");
        std::future::pending::<()>().await;
    });
}

#[tokio::test]
async fn a_child_dies_when_the_daemon_is_killed() {
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["parent::as_daemon", "--exact", "--nocapture"])
        .env(DAEMON, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let child = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("child ")?.trim().parse().ok());
    let child = Process::of(child.expect("the daemon started a child"));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    child.ends().await;
}
