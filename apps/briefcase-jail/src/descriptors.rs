//! The descriptors that the server inherits: its three streams and nothing else.

use std::{io, os::fd::OwnedFd};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The first descriptor above standard error.
const FIRST: libc::c_uint = 3;

/// Makes these the standard streams.
pub fn set_streams([stdin, stdout, stderr]: &[OwnedFd; 3]) -> io::Result<()> {
    rustix::stdio::dup2_stdin(stdin)?;
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    Ok(())
}

/// Sets the soft limit for open descriptors, at most to the hard limit.
pub fn limit(soft: u64) -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(maximum.map_or(soft, |maximum| soft.min(maximum)));
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
}

/// Sets close-on-exec for every descriptor above standard error. The socket to the daemon closes then too, which tells the
/// daemon that the launch succeeded.
pub fn close_others_on_exec() -> io::Result<()> {
    close_range(FIRST, libc::c_int::try_from(libc::CLOSE_RANGE_CLOEXEC).map_err(io::Error::other)?)
}

/// Closes every descriptor from this one on. Only a process that uses none of them may call this.
pub fn close_from(first: libc::c_uint) -> io::Result<()> {
    close_range(first, 0)
}

fn close_range(first: libc::c_uint, flags: libc::c_int) -> io::Result<()> {
    #[expect(unsafe_code, reason = "neither rustix nor nix has close_range")]
    // SAFETY: the call reads and writes no memory. Either it sets close-on-exec flags, and each descriptor stays open
    // for its owner in this program; or the caller uses none of the descriptors any more.
    let done = unsafe { libc::close_range(first, libc::c_uint::MAX, flags) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
