//! Files and folders of one user: access by the owner alone, no followed links, replacement as a whole.
//!
//! Invariant: the last component of a path is never followed when it is a symbolic link.
//!
//! Invariant: an existing file is used only if it is a regular file of this user, closed to other users, and without a
//! second name (hard link). The check runs on the open file, so swapping the path afterwards has no effect.
//!
//! Invariant: a replaced file has its old bytes or its new bytes, also after a crash at any step. A function that
//! writes, stages, replaces or removes a file returns once the bytes, the name and the folder are on disk.
//!
//! Invariant: a lock belongs to the kernel (`flock`) and ends with its process.
//!
//! The folders above the last component are trusted. [`PrivateFolder`] and [`check_folder_writers`] check the folder
//! that holds a file. The effective user is the owner that is expected everywhere.

mod access;
mod error;
mod file;
mod folder;
mod lock;
mod replace;

pub use access::FileAccess;
pub use error::{AccessFault, PrivateFsError};
pub use file::{check, create_new, create_or_truncate, open_for_reading, open_for_writing, read, read_linked, remove};
pub use folder::{
    FileIdentity, PrivateFolder, check_folder_writers, create_folder, create_folders, parent_of, sync_folder,
};
pub use lock::{FolderLock, LockFile};
pub use replace::{StagedFile, stage, write, write_new};
