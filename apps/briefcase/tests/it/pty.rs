//! A pseudo-terminal that controls the session of the program, as a terminal window does.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use briefcase_testkit::{TempHome, WAIT};
use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};

use crate::briefcase;

/// The program at a terminal.
pub struct Terminal {
    master: File,
    slave: OwnedFd,
    child: Child,
    screen: Arc<(Mutex<String>, Condvar)>,
    seen: usize,
}

impl Terminal {
    /// Starts it with this terminal as stdin, stdout, stderr and `/dev/tty`.
    pub fn start(home: &TempHome, args: &[&str]) -> Self {
        Self::start_under(home, &[], args)
    }

    /// Starts it through a wrapper program.
    pub fn start_under(home: &TempHome, wrapper: &[&str], args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a usable one");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        let end = || Stdio::from(slave.try_clone().expect("a copy"));
        let inner = briefcase(home, args);
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).args(wrapper).arg(inner.get_program()).args(inner.get_args()).env_clear();
        command
            .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("TERM", "xterm")
            .env("NO_COLOR", "1");
        command.stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("setsid and briefcase run");
        let (master, screen) = (File::from(master), Arc::<(Mutex<String>, Condvar)>::default());
        let (mut reader, shared) = (master.try_clone().expect("a copy"), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                let (text, changed) = &*shared;
                text.lock().expect("not poisoned").push_str(&String::from_utf8_lossy(&buffer[..read]));
                changed.notify_all();
            }
        });
        Self { master, slave, child, screen, seen: 0 }
    }

    /// Waits until this text is on the screen, after everything that was waited for before.
    pub fn expect(&mut self, text: &str) {
        let (screen, changed) = &*self.screen;
        let mut now = screen.lock().expect("not poisoned");
        loop {
            if let Some(at) = now[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            let (next, waited) = changed.wait_timeout(now, WAIT).expect("not poisoned");
            assert!(!waited.timed_out(), "`{text}` did not come. The screen:\n{}", &next);
            now = next;
        }
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    /// Everything that was shown.
    pub fn screen(&self) -> String {
        self.screen.0.lock().expect("not poisoned").clone()
    }

    /// Waits until the program has ended; gives its exit code.
    pub fn ended(&mut self) -> i32 {
        let end = std::time::Instant::now() + WAIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status.code().expect("it ended by itself");
            }
            assert!(std::time::Instant::now() < end, "it did not end. The screen:\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the terminal is as a shell expects it: keys are echoed and Ctrl-C is a signal.
    pub fn is_sane(&self) -> bool {
        let modes = tcgetattr(&self.slave).expect("its modes").local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
