//! The steps from a request to the server's first instruction.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::Command,
};

use briefcase_helper_protocol::{
    DaemonChannel, DaemonChannelError,
    launch::{LaunchFailure, LaunchReply, LaunchRequest, Launching, STREAMS},
};
use rustix::process::Pid;

use crate::{descriptors, group_end};

/// Starts a session and a process group of this program's own. The group ends with the daemon.
pub fn begin_session(daemon: Pid) -> Result<(), LaunchFailure> {
    let begun = rustix::process::setsid().map_err(io::Error::from).and_then(|_| group_end::watch(daemon));
    begun.map_err(|error| LaunchFailure::Session { errno: errno(&error) })
}

/// Becomes the program. Returns only when a step failed.
pub fn launch(
    channel: &mut DaemonChannel,
    request: &LaunchRequest<'_>,
    streams: Vec<OwnedFd>,
) -> Result<LaunchFailure, DaemonChannelError> {
    let Some((program, arguments)) = request.argv.split_first() else { return Ok(LaunchFailure::Request) };
    let Ok(streams) = <[OwnedFd; STREAMS]>::try_from(streams) else { return Ok(LaunchFailure::Request) };
    if let Err(failure) = prepare(request, &streams) {
        return Ok(failure);
    }
    let mut command = Command::new(&**program);
    command.args(arguments.iter().map(|argument| &**argument)).env_clear();
    command.envs(request.env.iter().map(|(name, value)| (&**name, &**value)));
    channel.send(&LaunchReply::Ok(Launching {}))?;
    Ok(LaunchFailure::Exec { errno: errno(&command.exec()) })
}

fn prepare(request: &LaunchRequest<'_>, streams: &[OwnedFd; STREAMS]) -> Result<(), LaunchFailure> {
    descriptors::set_streams(streams)
        .and_then(|()| descriptors::close_others_on_exec())
        .map_err(|error| LaunchFailure::Descriptors { errno: errno(&error) })?;
    if let Some(limit) = request.open_files {
        descriptors::limit(limit).map_err(|error| LaunchFailure::OpenFiles { errno: errno(&error) })?;
    }
    std::env::set_current_dir(&*request.cwd).map_err(|error| LaunchFailure::WorkingDirectory { errno: errno(&error) })
}

/// The number of an error. A program's name with a zero byte has none: it is an invalid argument.
fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}
