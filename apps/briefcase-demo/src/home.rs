//! A home for one demo: folders, a few files, and the daemon that serves it.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use briefcase::{
    command::setup::{InitRequest, init},
    context::CommandContext,
    daemon::{self, DaemonReady, DaemonStart},
    failure::Failure,
};
use briefcase_types::SecretString;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::Child;

const END_MAX: Duration = Duration::from_secs(10);

/// A file that the agent may read.
const MEETING: &str = "# Monday\n\n- Ana: the release is on Thursday\n- Ben: the tests are green\n";
/// A file that the agent may not read: the form of a private key, without a key.
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nthis-would-be-your-key\n-----END OPENSSH PRIVATE KEY-----\n";

/// A temporary home. [`DemoHome::remove`] ends its daemon and removes it; dropping it removes it too.
pub struct DemoHome {
    dir: TempDir,
    /// The context of commands in this home.
    pub ctx: CommandContext,
    daemon: Option<Child>,
}

impl DemoHome {
    /// Creates the folders and a few files.
    pub fn new(ctx: &CommandContext) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new().prefix("briefcase-demo-").tempdir()?;
        for folder in ["state", "run", "config", "home/notes", "home/.ssh"] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.path().join(folder))?;
        }
        fs::write(dir.path().join("home/notes/meeting.md"), MEETING)?;
        fs::write(dir.path().join("home/.ssh/id_ed25519"), KEY)?;
        Ok(Self { ctx: ctx.inside(dir.path()), dir, daemon: None })
    }

    /// A file in the home.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The folder that the server is allowed to serve.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A folder beside the home.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Sets up a briefcase and starts its daemon.
    pub async fn set_up(&mut self, pin: &SecretString) -> Result<DaemonReady, Failure> {
        let agent = "demo".parse().map_err(|_| Failure::Cancelled)?;
        let created = init(&self.ctx, &InitRequest { pin, passphrase: None, agent: &agent }).await?;
        let key = created.unlock_key.map(SecretString::new);
        let start = DaemonStart { secret: key.as_ref(), console_port: Some(0), attached: true };
        let (ready, child) = daemon::start(&self.ctx, start).await?;
        self.daemon = Some(child);
        Ok(ready)
    }

    /// Ends the daemon and everything it started, and removes the folders.
    pub async fn remove(mut self) -> Result<(), Failure> {
        if let Some(mut child) = self.daemon.take() {
            let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
            if let Some(pid) = pid {
                let _ = kill_process(pid, Signal::TERM);
            }
            if tokio::time::timeout(END_MAX, child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }
        let path: &Path = self.dir.path();
        let path = path.to_owned();
        self.dir.close().map_err(|error| Failure::file(&path, &error))
    }
}
