//! The folders that the system gives to the user of this process.
//!
//! They come from the user id and not from the environment, because programs that start others often pass only a few
//! variables.

use std::path::PathBuf;

/// The folders of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFolders {
    /// The home in the system's user database.
    pub home: Option<PathBuf>,
    /// The folder for sockets, `/run/user/UID`, if it exists and is this user's alone.
    pub runtime: Option<PathBuf>,
}

/// Looks up the folders of the user of this process.
#[cfg(target_os = "linux")]
#[must_use]
pub fn current() -> UserFolders {
    let user = rustix::process::geteuid();
    let entry = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(user.as_raw())).ok().flatten();
    UserFolders {
        home: entry.map(|entry| entry.dir).filter(|home| home.is_absolute()),
        runtime: Some(PathBuf::from(format!("/run/user/{}", user.as_raw())))
            .filter(|folder| is_private(folder, user.as_raw())),
    }
}

/// Looks up the folders of the user of this process. Other systems have neither folder.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn current() -> UserFolders {
    UserFolders::default()
}

#[cfg(target_os = "linux")]
fn is_private(folder: &std::path::Path, user: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_home_is_found_without_the_environment() {
        // Every account that can run a test is in the user database, or has no home there.
        let found = current();
        let database = std::fs::read_to_string("/etc/passwd").unwrap();
        let user = rustix::process::geteuid().as_raw().to_string();
        let home = database
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|entry| entry.get(2) == Some(&&*user));
        if let Some(home) = home.and_then(|entry| entry.get(5).map(PathBuf::from)) {
            assert_eq!(found.home, Some(home));
        }
    }

    #[test]
    fn a_folder_that_others_can_enter_is_not_private() {
        let folder = tempfile::tempdir().unwrap();
        let user = rustix::process::geteuid().as_raw();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert!(is_private(folder.path(), user));
        assert!(!is_private(folder.path(), user + 1), "another user's");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!is_private(folder.path(), user));
        let link = folder.path().join("link");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(!is_private(&link, user), "a link");
        assert!(!is_private(&folder.path().join("none"), user));
    }
}
