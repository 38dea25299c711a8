//! The identity of the process at the other end.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    process::Command,
};

use briefcase_platform::{Peer, PeerError};

use crate::{private_folder, set_mode};

const CONNECT_TO: &str = "BRIEFCASE_TEST_CONNECT_TO";

/// Child process of the next tests, one of which runs it as another user.
#[test]
#[expect(clippy::disallowed_methods, reason = "the parent process passes the socket's path this way")]
fn connects_when_asked_to() {
    if let Ok(path) = std::env::var(CONNECT_TO) {
        std::os::unix::net::UnixStream::connect(path).unwrap();
    }
}

/// Needs root to become another user. Without root it checks the same rule with the same user.
#[tokio::test]
async fn another_user_is_rejected_even_when_the_folder_is_open() {
    let home = private_folder();
    set_mode(home.path(), 0o777);
    let path = home.path().join("open.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    set_mode(&path, 0o777);
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let program = home.path().join("client");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    set_mode(&program, 0o755);
    let mut client = Command::new(&program);
    client.args(["--exact", "peer::connects_when_asked_to"]).env(CONNECT_TO, &path).current_dir("/");
    client.stdout(std::process::Stdio::null());
    if root {
        client.uid(65534).gid(65534);
    }
    let mut client = client.spawn().unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let peer = Peer::of(&stream);
    if root {
        assert!(matches!(peer, Err(PeerError::User { found: 65534, expected: 0 })), "{peer:?}");
    } else {
        assert!(peer.is_ok());
    }
    assert!(client.wait().unwrap().success());
}

#[tokio::test]
async fn an_ended_process_is_not_mistaken_for_a_later_one() {
    let home = private_folder();
    let path = home.path().join("a.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let mut client = Command::new(std::env::current_exe().unwrap());
    client.args(["--exact", "peer::connects_when_asked_to"]).env(CONNECT_TO, &path);
    let mut client = client.stdout(std::process::Stdio::null()).spawn().unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let peer = Peer::of(&stream).unwrap();
    client.wait().unwrap();
    // Kernels before 6.5 give no handle; the answer is then unknown.
    assert_ne!(peer.is_alive(), Some(true));
    let (ours, _other) = tokio::net::UnixStream::pair().unwrap();
    assert_ne!(Peer::of(&ours).unwrap().is_alive(), Some(false));
}
