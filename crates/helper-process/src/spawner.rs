//! The thread that starts helpers.
//!
//! `PR_SET_PDEATHSIG` fires when the *thread* that started a process ends, not when the thread's process ends. A
//! runtime's worker may end at any time (its pool shrinks, or it became a blocking thread). So one thread starts all
//! helpers, and runs as long as any of them may run.

use std::{
    fmt, io,
    sync::{Arc, mpsc},
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

/// A request to start one program.
struct Job {
    command: Command,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Child>>,
}

/// Starts helpers on a thread of its own. Clones share the thread; it ends with the last of them.
#[derive(Clone)]
pub struct Spawner(Arc<mpsc::Sender<Job>>);

impl Spawner {
    /// Starts the thread.
    pub fn new() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new().name("spawner".to_owned()).stack_size(128 << 10).spawn(move || {
            for Job { mut command, runtime, started } in queue {
                let _runtime = runtime.enter();
                // If the caller gave up, the child is dropped and thereby killed.
                let _given_up = started.send(command.spawn());
            }
        })?;
        Ok(Self(Arc::new(jobs)))
    }

    /// Starts a program. The child is killed when it is dropped.
    pub(crate) async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts programs has ended");
        let (started, child) = oneshot::channel();
        command.kill_on_drop(true);
        self.0.send(Job { command, runtime: Handle::current(), started }).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawner")
    }
}
