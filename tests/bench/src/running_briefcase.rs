//! A briefcase to measure: the real daemon and gateway, with the fast upstream as the only server.

use std::{
    fs::File,
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use briefcase_testkit::{DaemonProcess, GatewayProcess, SetupOptions, SetupResult, TempHome, program};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running briefcase.
pub struct RunningBriefcase {
    pub daemon: DaemonProcess,
    pub made: SetupResult,
    pub runtime: tokio::runtime::Runtime,
    pub home: TempHome,
    _memory: Option<TempDir>,
}

impl RunningBriefcase {
    /// Opens a briefcase on disk, or with its state in memory (so that no write waits for a disk).
    pub fn new(in_memory: bool) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (home, setup) = (TempHome::new(), SetupOptions::default());
        let made = runtime.block_on(DaemonProcess::set_up(&home, &setup));
        let mut command = DaemonProcess::command(&home);
        let memory = in_memory.then(|| moved_to_memory(&home.state()));
        if let Some(folder) = &memory {
            command.env("BRIEFCASE_STATE_DIR", folder.path());
        }
        let key = json!({ "unlock_key": made.unlock_key });
        let daemon =
            runtime.block_on(DaemonProcess::try_start_as(command, &home, Some(&key))).expect("the daemon starts");
        let briefcase = Self { daemon, made, runtime, home, _memory: memory };
        briefcase.add("fast", &[]);
        briefcase
    }

    /// Registers another fast upstream with these arguments.
    pub fn add(&self, name: &str, args: &[&str]) {
        let mut argv = vec![program("fast-upstream").display().to_string()];
        argv.extend(args.iter().map(|arg| (*arg).to_owned()));
        let spec = json!({ "transport": "stdio", "argv": argv });
        let pin = SetupOptions::default().pin;
        let added: Value = self.runtime.block_on(self.daemon.admin.add_server(name, &spec, &["echo"], &pin));
        assert_eq!(added["tools"][0]["name"], "echo", "{added}");
    }

    /// The command of the gateway over stdio.
    pub fn gateway(&self) -> Command {
        GatewayProcess::command(&self.home, &self.made.token, None).into_std()
    }

    /// The bytes that the daemon has written to disk so far. Only root may read this of the daemon.
    pub fn written(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/io", self.daemon.id())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).and_then(|value| value.parse().ok())
    }
}

/// A copy of a state folder on a file system in memory.
pub fn moved_to_memory(state: &Path) -> TempDir {
    let folder = tempfile::Builder::new().prefix("bc-").tempdir_in("/dev/shm").expect("a folder in memory");
    rustix::fs::chmod(folder.path(), rustix::fs::Mode::RWXU).expect("a private folder");
    for entry in std::fs::read_dir(state).expect("the state").flatten() {
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
    }
    folder
}

/// The load of the machine: the first number of `/proc/loadavg`.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The resident memory in KiB.
pub fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|value| value.trim().split(' ').next()).and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// The latency of the disk alone: append 4 KiB and sync, as a commit does.
pub fn fsync(folder: &Path, count: usize) -> Vec<Duration> {
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path).expect("a file");
    // Blocks are allocated first: a write-ahead log is overwritten in place.
    file.write_all(&vec![0; 4096 * count]).and_then(|()| file.sync_all()).expect("a file on disk");
    let took = (0..count)
        .map(|n| {
            let began = Instant::now();
            rustix::io::pwrite(&file, &[1; 4096], 4096 * n as u64).expect("a write");
            file.sync_data().expect("durable");
            began.elapsed()
        })
        .collect();
    drop(std::fs::remove_file(path));
    took
}
