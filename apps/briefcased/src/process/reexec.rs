//! Starts the program again from a copy that nobody may read.
//!
//! Another process can open this one's memory from the moment the program is loaded until
//! [`harden`](super::hardening::harden) is reached, and what it opened in that moment stays open. The kernel prevents this by
//! itself for a program whose file its user cannot read. So the first process image, which holds no secret, copies the program
//! into memory, takes the right to read the copy away, and executes it. What was opened of the first image belongs to memory
//! that is gone. The process id stays.

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

/// The process's name in lists of processes.
const NAME: &std::ffi::CStr = c"briefcased";

/// Executes the unreadable copy. Returns in the copy, and where no copy is possible: for root, who reads everything, and where
/// programs in memory are forbidden. `doctor` then reports it.
pub fn become_unreadable() {
    if program_is_readable() {
        // Returns only after a failure; then this image serves.
        let _ = execute_copy();
    } else {
        // Linux named the process after the number of a descriptor.
        let _ = rustix::thread::set_name(NAME);
    }
}

fn execute_copy() -> io::Result<std::convert::Infallible> {
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
    // The copy has no path of its own, so its name carries the path of the file: other programs are beside it.
    let program = std::env::current_exe()?;
    Err(Command::new(path).arg0(program).args(arguments).exec())
}

fn executable_memory() -> Result<rustix::fd::OwnedFd, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create(NAME, flags | MemfdFlags::EXEC) {
        // Linux before 6.3 does not know the flag and lets every such file be executed.
        Err(Errno::INVAL) => rustix::fs::memfd_create(NAME, flags),
        made => made,
    }
}
