//! Ending the daemon.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::{AdminClient, ClientError};

/// The time that the daemon has for ending.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Between two checks of whether it has ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

impl AdminClient {
    /// Asks the daemon to end, with SIGTERM, and waits for that at most 30 s. `false` when no daemon runs.
    ///
    /// # Errors
    /// The process is unknown, cannot be signalled, or does not end in time.
    pub async fn stop_daemon(&self) -> Result<bool, ClientError> {
        let peer = match self.peer().await {
            Ok(peer) => peer,
            Err(error) if error.is_not_running() => return Ok(false),
            Err(error) => return Err(error),
        };
        let pid = peer.pid().and_then(Pid::from_raw).ok_or(ClientError::UnknownProcess)?;
        kill_process(pid, Signal::TERM).map_err(|errno| ClientError::Signal(errno.into()))?;
        let ended = async {
            while peer.is_alive() != Some(false) && self.peer().await.is_ok() {
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
        };
        let late = |_| ClientError::StillRunning { pid: pid.as_raw_nonzero().get(), seconds: STOP_MAX.as_secs() };
        tokio::time::timeout(STOP_MAX, ended).await.map(|()| true).map_err(late)
    }
}
