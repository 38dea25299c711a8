//! One process listens; other objects at the path are never removed.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
};

use briefcase_platform::{LocalListener, LocalSocketError, connect};
use briefcase_private_fs::{AccessFault, PrivateFsError};

use crate::{private_folder, set_mode};

const NAME: &str = "test.sock";

#[tokio::test]
async fn both_ends_know_their_peer_and_the_socket_ends_with_its_listener() {
    let home = private_folder();
    let run = home.path().join("run");
    let listener = LocalListener::bind(&run, NAME).unwrap();
    let path = listener.path();
    assert_eq!(path, run.join(NAME));
    let modes = [&run, &path].map(|path| fs::symlink_metadata(path).unwrap().mode() & 0o777);
    assert_eq!(modes, [0o700, 0o600]);
    let (connected, (_, peer)) = tokio::join!(connect(&path), listener.accept());
    let ours = i32::try_from(std::process::id()).unwrap();
    assert_eq!((connected.unwrap().1.pid(), peer.pid()), (Some(ours), Some(ours)));
    drop(listener);
    assert!(!path.exists());
    assert!(matches!(connect(&path).await, Err(LocalSocketError::NoListener(at)) if at == path));
}

#[tokio::test]
async fn a_second_listener_fails_and_changes_nothing() {
    let home = private_folder();
    let first = LocalListener::bind(home.path(), NAME).unwrap();
    for _ in 0..3 {
        assert!(
            matches!(LocalListener::bind(home.path(), NAME), Err(LocalSocketError::InUse(at)) if at == first.path())
        );
    }
    let other = LocalListener::bind(home.path(), "other.sock").unwrap();
    let path = first.path();
    let (connected, _) = tokio::join!(connect(&path), first.accept());
    connected.unwrap();
    drop(other);
}

#[tokio::test]
async fn a_socket_of_a_dead_process_is_replaced_and_a_listening_one_is_not() {
    let home = private_folder();
    let path = home.path().join(NAME);
    let foreign = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(LocalListener::bind(home.path(), NAME), Err(LocalSocketError::InUse(_))));
    drop(foreign);
    assert!(path.exists());
    LocalListener::bind(home.path(), NAME).unwrap();
}

#[tokio::test]
async fn a_socket_that_replaced_this_one_is_not_removed() {
    let home = private_folder();
    let listener = LocalListener::bind(home.path(), NAME).unwrap();
    fs::remove_file(listener.path()).unwrap();
    let _foreign = std::os::unix::net::UnixListener::bind(listener.path()).unwrap();
    let path = listener.path();
    drop(listener);
    assert!(path.exists());
}

#[tokio::test]
async fn other_objects_are_reported_and_stay() {
    let home = private_folder();
    let (path, lock, victim) = (home.path().join(NAME), home.path().join("test.sock.lock"), home.path().join("victim"));
    fs::write(&victim, "text").unwrap();
    for at in [&path, &lock] {
        symlink(&victim, at).unwrap();
        let error = LocalListener::bind(home.path(), NAME).unwrap_err();
        assert!(matches!(&error, LocalSocketError::NotASocket(found) if found == at), "{error}");
        fs::remove_file(at).unwrap();
        let _ = fs::remove_file(&lock);
    }
    fs::write(&path, "text").unwrap();
    assert!(matches!(LocalListener::bind(home.path(), NAME), Err(LocalSocketError::NotASocket(_))));
    assert_eq!((fs::read(&victim).unwrap(), fs::read(&path).unwrap()), (b"text".to_vec(), b"text".to_vec()));
}

#[tokio::test]
async fn a_folder_that_others_can_open_is_rejected_at_both_ends() {
    let home = private_folder();
    let listener = LocalListener::bind(home.path(), NAME).unwrap();
    set_mode(home.path(), 0o750);
    let open = |error: &LocalSocketError| {
        let fault = AccessFault::OpenFolder { mode: 0o750 };
        matches!(error, LocalSocketError::Folder(PrivateFsError::NotPrivate { fault: found, .. }) if *found == fault)
    };
    let bound = LocalListener::bind(home.path(), "other.sock").unwrap_err();
    let connected = connect(&listener.path()).await.unwrap_err();
    assert!(open(&bound) && open(&connected), "{bound} {connected}");
}
