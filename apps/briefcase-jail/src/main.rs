//! `briefcase-jail`: starts one local MCP server for the daemon, and becomes it.
//!
//! The daemon starts this program, reads its hello, and sends one request (see [`briefcase_helper_protocol::launch`]).
//! It confines nothing yet. It keeps these invariants:
//!
//! - **The server dies with the daemon.** The kernel sends it SIGKILL when the daemon is gone.
//! - **The server's process group dies with the daemon.** A process of that group waits for the daemon's end (see
//!   [`group_end`]). It is made before the request arrives, so it has no secret, and it has no other descriptor.
//! - **The server gets three descriptors**: standard input, output and error, from the request.
//! - **The server has a session of its own**: no controlling terminal, and one process group that the daemon can end.
//! - **No process stays between the two.** A helper that succeeds has become the server; one that fails reports the step
//!   and exits.

mod descriptors;
mod group_end;
mod launch;

use std::{convert::Infallible, io::Write as _, process::ExitCode};

use briefcase_helper_protocol::{
    DaemonChannel, DaemonChannelError,
    launch::{JAIL, LaunchReply, LaunchRequest},
};

fn main() -> ExitCode {
    match run() {
        Ok(never) => match never {},
        Err(Ended::Reported) => ExitCode::FAILURE,
        Err(Ended::DaemonChannel(error)) => {
            let _ = writeln!(std::io::stderr(), "{JAIL}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The launch failed.
enum Ended {
    /// The daemon got the reason, or has ended.
    Reported,
    /// The connection to the daemon failed.
    DaemonChannel(DaemonChannelError),
}

impl From<DaemonChannelError> for Ended {
    fn from(error: DaemonChannelError) -> Self {
        Self::DaemonChannel(error)
    }
}

fn run() -> Result<Infallible, Ended> {
    let mut channel = DaemonChannel::open(JAIL, env!("CARGO_PKG_VERSION"))?;
    let session = launch::begin_session(channel.daemon());
    let Some((request, streams)) = channel.receive::<LaunchRequest<'_>>()? else { return Err(Ended::Reported) };
    let failure = match session {
        Ok(()) => launch::launch(&mut channel, &request, streams)?,
        Err(failure) => failure,
    };
    channel.send(&LaunchReply::Err(failure))?;
    Err(Ended::Reported)
}
