//! Connects to this user's sockets.

use std::{
    io,
    path::{Path, PathBuf},
};

use briefcase_private_fs::{PrivateFolder, parent_of};
use tokio::net::UnixStream;

use crate::{LocalSocketError, Peer};

/// Connects to the socket at `path`. Its folder must be private, and its server must run as this user.
///
/// # Errors
/// [`LocalSocketError::NoListener`] when the folder or the socket is missing or nobody listens.
pub async fn connect(path: &Path) -> Result<(UnixStream, Peer), LocalSocketError> {
    let no_listener = || LocalSocketError::NoListener(path.to_owned());
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(no_listener)?;
    let folder = match PrivateFolder::open(&parent_of(path)) {
        Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => return Err(no_listener()),
        folder => folder.map_err(LocalSocketError::Folder)?,
    };
    let stream = UnixStream::connect(address(&folder, name)).await.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => no_listener(),
        _ => LocalSocketError::io(path)(source),
    })?;
    let peer = Peer::of(&stream)?;
    Ok((stream, peer))
}

/// Returns a path to `name` through the folder's open handle. The path is also short, as socket addresses require.
#[cfg(target_os = "linux")]
pub(crate) fn address(folder: &PrivateFolder, name: &str) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}/{name}", folder.handle().as_raw_fd()).into()
}

/// Returns the plain path of `name`: only Linux has paths through an open folder handle (`/proc/self/fd`).
#[cfg(not(target_os = "linux"))]
pub(crate) fn address(folder: &PrivateFolder, name: &str) -> PathBuf {
    folder.path().join(name)
}
