//! A started child.

use std::process::ExitStatus;

use briefcase_helper_process::Spawner;
use briefcase_ports::{BoxFuture, ChildProcess};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A child and its process group. The child leads a session of its own, so the group has the child's number.
pub(crate) struct JailedChild {
    child: Child,
    group: Option<Pid>,
    /// The thread whose end would kill the child.
    _spawner: Spawner,
}

impl JailedChild {
    /// Takes a process that leads its group. Tokio kills the process when the handle is dropped.
    pub(crate) fn new(child: Child, spawner: Spawner) -> Self {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { child, group, _spawner: spawner }
    }

    /// Signals the group. An empty group is no failure.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _empty = kill_process_group(group, signal);
        }
    }
}

impl ChildProcess for JailedChild {
    fn wait(&mut self) -> BoxFuture<'_, Option<ExitStatus>> {
        Box::pin(async { self.child.wait().await.ok() })
    }

    fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
    }
}

/// Ends the whole group. The handle itself would kill the leader alone.
impl Drop for JailedChild {
    fn drop(&mut self) {
        // After its status was read, `kill` was the caller's last act.
        if self.child.id().is_some() {
            self.signal(Signal::KILL);
        }
    }
}
