//! Finds the other programs of the installation.

use std::{env, io, os::unix::ffi::OsStrExt as _, path::PathBuf};

/// The start of the path that Linux reports for a program in memory.
const IN_MEMORY: &[u8] = b"/memfd:";

/// Another program in the folder of this one.
pub fn program(name: &str) -> io::Result<PathBuf> {
    let mut path = env::current_exe()?;
    if path.as_os_str().as_bytes().starts_with(IN_MEMORY) {
        // The first process image passed the path of its file as the name of this one.
        path = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    }
    path.set_file_name(name);
    Ok(path)
}
