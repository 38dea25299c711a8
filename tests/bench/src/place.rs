//! A briefcase to measure: the real daemon and gateway, with the fast upstream as its one server.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use briefcase_testkit::{Daemon, Gateway, Home, Made, Setup, program};
use serde_json::{Value, json};

/// A running briefcase.
pub struct Place {
    pub daemon: Daemon,
    pub made: Made,
    pub runtime: tokio::runtime::Runtime,
    pub home: Home,
    _memory: Option<PathBuf>,
}

impl Place {
    /// Opens one on disk, or with its state in memory (so that no write waits for a disk).
    pub fn new(in_memory: bool) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let home = Home::new();
        let memory = in_memory.then(|| {
            let folder = PathBuf::from(format!("/dev/shm/briefcase-bench-{}", std::process::id()));
            drop(std::fs::remove_dir_all(&folder));
            std::fs::create_dir(&folder).expect("a folder in memory");
            rustix::fs::chmod(&folder, rustix::fs::Mode::RWXU).expect("a private folder");
            std::fs::remove_dir(home.state()).expect("no state yet");
            std::os::unix::fs::symlink(&folder, home.state()).expect("a link");
            folder
        });
        let setup = Setup::default();
        let (daemon, made) = runtime.block_on(Daemon::new(&home, &setup));
        let spec = json!({ "transport": "stdio", "argv": [program("fast-upstream")] });
        let added: Value = runtime.block_on(daemon.admin.add_server("fast", &spec, &["echo"], &setup.pin));
        assert!(added["version"].is_u64(), "{added}");
        Self { daemon, made, runtime, home, _memory: memory }
    }

    /// The gateway over stdio, as a command.
    pub fn gateway(&self) -> Command {
        Gateway::command(&self.home, &self.made.token, None).into_std()
    }

    /// Bytes that the daemon caused to be written to disk so far.
    pub fn written(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/io", self.daemon.id()))
            .expect("/proc/PID/io (run as the same user)");
        text.lines()
            .find_map(|line| line.strip_prefix("write_bytes: "))
            .and_then(|value| value.parse().ok())
            .expect("write_bytes")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self._memory {
            drop(std::fs::remove_dir_all(folder));
        }
    }
}

/// Resident memory in KiB.
pub fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|value| value.trim().split(' ').next()).and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// The disk's own price: append 4 KiB and wait for it, as a commit does.
pub fn fsync(folder: &Path, count: usize) -> Vec<Duration> {
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path).expect("a file");
    // Blocks are allocated first: a write-ahead log is written over and over in place.
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
