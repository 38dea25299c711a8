//! A movable clock for the daemon: the real program, with another `clock_gettime` loaded before the system's.

use std::{os::unix::fs::FileExt, path::PathBuf};

use briefcase_testkit::{DaemonProcess, SetupOptions, SetupResult, TempHome, clock};
use serde_json::json;
use tokio::process::Command;

use crate::Scene;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/clock.c");

/// The clocks of the daemons of one home.
pub struct MovedClock {
    library: PathBuf,
    offsets: PathBuf,
    /// The offset of the wall clock of the whole test run.
    ahead: i64,
}

impl MovedClock {
    /// Makes a clock with the true time. Needs the C compiler that building Briefcase needs.
    pub fn of(home: &TempHome) -> Self {
        let clock = Self { library: home.file("clock.so"), offsets: home.file("clock.offsets"), ahead: ahead() };
        let built = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&clock.library)
            .arg(SOURCE)
            .output()
            .unwrap_or_else(|error| panic!("cc: {error}"));
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        clock.set(0, 0);
        clock
    }

    /// Sets the offset in seconds of the wall clock, and of the clock that measures waits, from the machine's clocks.
    pub fn set(&self, wall: i64, monotonic: i64) {
        let open = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(&self.offsets);
        let bytes = [(self.ahead + wall).to_ne_bytes(), monotonic.to_ne_bytes()].concat();
        open.and_then(|file| file.write_all_at(&bytes, 0)).unwrap_or_else(|error| panic!("the offsets: {error}"));
    }

    /// The daemon's program under this clock.
    fn command(&self, home: &TempHome) -> Command {
        let mut command = DaemonProcess::command(home);
        command.env("LD_PRELOAD", &self.library).env("MOVED_CLOCK", &self.offsets);
        command
    }

    /// A new briefcase whose daemon uses this clock.
    pub async fn scene() -> (Scene, Self) {
        let (home, setup) = (TempHome::new(), SetupOptions::default());
        let clock = Self::of(&home);
        let made = DaemonProcess::set_up(&home, &setup).await;
        let daemon = clock.daemon(&home, &made).await;
        (Scene { daemon, setup, made, home }, clock)
    }

    /// The same briefcase after its daemon was killed and restarted.
    pub async fn after_a_crash(&self, scene: Scene) -> Scene {
        let Scene { daemon, setup, made, home } = scene;
        daemon.kill().await;
        let daemon = self.daemon(&home, &made).await;
        Scene { daemon, setup, made, home }
    }

    async fn daemon(&self, home: &TempHome, made: &SetupResult) -> DaemonProcess {
        let key = json!({ "unlock_key": made.unlock_key });
        let started = DaemonProcess::try_start_as(self.command(home), home, Some(&key)).await;
        started.unwrap_or_else(|why| panic!("{why}"))
    }
}

/// The offset of this program's clock from the machine's, in seconds.
fn ahead() -> i64 {
    let offsets = clock().into_iter().find(|(name, _)| *name == "MOVED_CLOCK");
    let read = |(_, path)| std::fs::read(PathBuf::from(path)).ok();
    let bytes = offsets.and_then(read).unwrap_or_default();
    bytes.first_chunk().map_or(0, |wall| i64::from_ne_bytes(*wall))
}
