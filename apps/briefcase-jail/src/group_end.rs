//! Ends a server's process group when the daemon has ended.
//!
//! The kernel kills only the server itself with the daemon. What the server started would live on: `npx` starts the
//! program that it downloaded, a shell its commands. So one more process waits for the daemon's end and then kills the
//! group. It belongs to the group, so the group's number stays taken, and the daemon's own SIGKILL to the group ends it
//! too. It ignores every other signal.
//!
//! When the server ends before the daemon, the process leaves the group and waits until the group is empty.

use std::{convert::Infallible, io, os::fd::OwnedFd};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open},
};

use crate::descriptors;

/// The time between two looks at a group whose server has ended.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

/// Starts the process that ends this program's group. The caller leads the group and has one thread.
pub fn watch(daemon: Pid) -> io::Result<()> {
    let watched = Watched {
        daemon: pidfd_open(daemon, PidfdFlags::empty())?,
        server: pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?,
    };
    // A daemon that died before its descriptor was opened may have left its number to another process.
    if rustix::process::getppid() != Some(daemon) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    match fork()? {
        Some(between) => reap(between),
        None => std::process::exit(start_beside(watched)),
    }
}

/// The two processes whose ends count.
struct Watched {
    daemon: OwnedFd,
    server: OwnedFd,
}

/// Starts the process as no child of the server: a server that waits for all its children does not wait for this one.
fn start_beside(watched: Watched) -> i32 {
    match fork() {
        Ok(Some(_)) => 0,
        Ok(None) => match run(watched) {
            Ok(never) => match never {},
            Err(_) => std::process::exit(1),
        },
        Err(error) => error.raw_os_error().unwrap_or(libc::EAGAIN),
    }
}

/// Waits for the process between, whose status is the error of its fork.
fn reap(between: Pid) -> io::Result<()> {
    let waited = rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(between), WaitOptions::empty()))?;
    match waited.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(io::Error::from_raw_os_error(libc::ECHILD)),
    }
}

fn fork() -> io::Result<Option<Pid>> {
    #[expect(unsafe_code, reason = "neither rustix nor the standard library has fork")]
    // SAFETY: this program has one thread, so no lock is held by a thread that the copy lacks.
    let id = unsafe { libc::fork() };
    match id {
        -1 => Err(io::Error::last_os_error()),
        id => Ok(Pid::from_raw(id)),
    }
}

fn run(watched: Watched) -> io::Result<Infallible> {
    block_signals()?;
    let Watched { daemon, server } = keep_only(watched)?;
    std::env::set_current_dir("/")?;
    let group = rustix::process::getpgrp();
    let mut ends = [PollFd::new(&daemon, PollFlags::IN), PollFd::new(&server, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut ends, None))?;
    if ends.first().is_some_and(has_ended) {
        rustix::process::kill_process_group(group, Signal::KILL)?;
    }
    // Out of the group, its emptiness can be seen.
    rustix::process::setpgid(None, None)?;
    while rustix::process::test_kill_process_group(group).is_ok() {
        let mut ends = [PollFd::new(&daemon, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut ends, Some(&LOOK_AGAIN)))?;
        if ends.first().is_some_and(has_ended) {
            rustix::process::kill_process_group(group, Signal::KILL)?;
        }
    }
    std::process::exit(0)
}

fn has_ended(process: &PollFd<'_>) -> bool {
    !process.revents().is_empty()
}

/// Closes every descriptor but the two, among them the socket to the daemon, which shows the daemon how the start went.
fn keep_only(watched: Watched) -> io::Result<Watched> {
    rustix::stdio::dup2_stdin(&watched.daemon)?;
    rustix::stdio::dup2_stdout(&watched.server)?;
    std::mem::forget(watched);
    descriptors::close_from(2)?;
    #[expect(unsafe_code, reason = "the standard descriptors have no owned form")]
    // SAFETY: both descriptors were just set, and nothing else in this process reads or writes them.
    let kept = unsafe {
        use std::os::fd::FromRawFd as _;
        Watched { daemon: OwnedFd::from_raw_fd(libc::STDIN_FILENO), server: OwnedFd::from_raw_fd(libc::STDOUT_FILENO) }
    };
    Ok(kept)
}

fn block_signals() -> io::Result<()> {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    #[expect(unsafe_code, reason = "rustix has no signal masks")]
    // SAFETY: `sigfillset` initialises the set that `sigprocmask` reads. The old mask is not asked for.
    let done = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigprocmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
