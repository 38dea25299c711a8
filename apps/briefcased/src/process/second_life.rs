//! Starts the program again from a copy that nobody may read.
//!
//! A process can be looked into from the moment its program is loaded until [`harden`](super::hardening::harden) is reached, and what
//! another process opened in that moment stays open. The kernel closes this door itself for a program whose file its user
//! cannot read. So the first life, which knows no secret, copies the program into memory, takes the right to read the copy
//! away, and becomes it; what was opened of the first life belongs to memory that is gone. The process id stays.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::process::CommandExt as _,
    },
    process::Command,
};

use rustix::{
    fs::{Access, MemfdFlags, Mode, SealFlags},
    io::Errno,
};

use super::hardening::program_is_readable;

/// How the process is called in lists of processes.
const NAME: &std::ffi::CStr = c"briefcased";

/// Becomes the unreadable copy. Returns in the second life; and where there can be none, which `doctor` then tells
/// (as for root, who reads everything, or where programs in memory are forbidden).
pub fn begin() {
    if program_is_readable() {
        // It only comes back when it failed, and then the first life is the only one.
        let _ = become_a_copy();
    } else {
        // Linux named the process after the number of a descriptor.
        let _ = rustix::thread::set_name(NAME);
    }
}

fn become_a_copy() -> io::Result<std::convert::Infallible> {
    let copy = File::from(executable_memory()?);
    rustix::fs::fchmod(&copy, Mode::XUSR | Mode::XGRP | Mode::XOTH)?;
    let path = format!("/proc/self/fd/{}", copy.as_fd().as_raw_fd());
    if rustix::fs::access(&path, Access::READ_OK).is_ok() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    io::copy(&mut File::open("/proc/self/exe")?, &mut &copy)?;
    rustix::fs::fcntl_add_seals(&copy, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    let mut arguments = std::env::args_os();
    let _as_typed = arguments.next();
    // The copy has no path of its own; it finds the other programs beside this one.
    let program = std::env::current_exe()?;
    Err(Command::new(path).arg0(program).args(arguments).exec())
}

fn executable_memory() -> Result<rustix::fd::OwnedFd, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create(NAME, flags | MemfdFlags::EXEC) {
        // Before Linux 6.3 every such file may be run.
        Err(Errno::INVAL) => rustix::fs::memfd_create(NAME, flags),
        made => made,
    }
}
