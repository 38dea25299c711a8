//! The listeners of both sockets, and errors that name the next step.

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
};

use briefcase_ipc::{AdminListener, AgentListener, ChannelId, DaemonClient, DirError, SocketError, ToDaemon, connect};

use crate::{private, token, welcome};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

fn with_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn folder_and_socket_are_private_and_end_with_the_listener() {
    let home = private();
    let run = home.path().join("run");
    let (agent, admin) = (AgentListener::bind(&run).unwrap(), AdminListener::bind(&run).unwrap());
    assert_eq!((mode(&run), mode(&agent.path()), mode(&admin.path())), (0o700, 0o600, 0o600));
    let (path, accepted) = (agent.path(), async { agent.accept().await });
    let (connected, incoming) = tokio::join!(connect(&path), accepted);
    let ours = i32::try_from(std::process::id()).unwrap();
    assert_eq!((connected.unwrap().1.pid(), incoming.peer().pid()), (Some(ours), Some(ours)));
    drop(agent);
    assert!(!path.exists() && admin.path().exists());
}

/// Attack 70: the newest connection is served, and an older one ends at both ends.
#[tokio::test]
async fn a_newcomer_is_always_served_and_another_connection_ends_for_it() {
    // Both ends of each connection are in this process.
    briefcase_platform::descriptors::raise().unwrap();
    let home = private();
    let listener = AgentListener::bind(home.path()).unwrap();
    let path = listener.path();
    let mut open = Vec::new();
    for _ in 0..950 {
        let server = async { listener.accept().await.read_hello().await.unwrap().welcome(welcome()).await.unwrap() };
        let (link, connection) = tokio::join!(DaemonClient::connect(&path, token(), "test/1"), server);
        open.push((link.unwrap(), connection));
    }
    let (mut first, mut connection) = open.swap_remove(0);
    assert!(connection.receiver.recv().await.unwrap().is_none(), "the oldest made room");
    drop(connection);
    assert!(first.receiver.recv().await.unwrap().is_none(), "and its gateway notices");
    let (newest, connection) = open.last_mut().unwrap();
    newest.sender.send(ToDaemon::Close { channel: ChannelId(1) }).await.unwrap();
    assert!(connection.receiver.recv().await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_daemon_fails_and_changes_nothing() {
    let home = private();
    let first = AgentListener::bind(home.path()).unwrap();
    let second = AgentListener::bind(home.path()).unwrap_err();
    assert!(matches!(second, SocketError::AlreadyRunning(_)), "{second}");
    assert!(second.to_string().contains("already running"));
    let path = first.path();
    let (connected, _) = tokio::join!(connect(&path), first.accept());
    connected.unwrap();
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_listening_one_is_not() {
    let home = private();
    let place = home.path().join("agent.sock");
    drop(UnixListener::bind(&place).unwrap());
    assert!(place.exists());
    drop(AgentListener::bind(home.path()).unwrap());
    let squatter = UnixListener::bind(&place).unwrap();
    assert!(matches!(AgentListener::bind(home.path()), Err(SocketError::AlreadyRunning(_))));
    drop(squatter);
    AgentListener::bind(home.path()).unwrap();
}

#[tokio::test]
async fn other_files_are_not_removed() {
    let home = private();
    let place = home.path().join("agent.sock");
    let victim = home.path().join("precious");
    fs::write(&victim, "text").unwrap();
    symlink(&victim, &place).unwrap();
    assert!(matches!(AgentListener::bind(home.path()), Err(SocketError::Squatted(_))));
    fs::remove_file(&place).unwrap();
    fs::write(&place, "text").unwrap();
    assert!(matches!(AgentListener::bind(home.path()), Err(SocketError::Squatted(_))));
    assert_eq!(
        (fs::read_to_string(&victim).unwrap(), fs::read_to_string(&place).unwrap()),
        ("text".into(), "text".into())
    );
    fs::remove_file(&place).unwrap();
    fs::remove_file(home.path().join("agent.sock.lock")).unwrap();
    symlink(&victim, home.path().join("agent.sock.lock")).unwrap();
    assert!(matches!(AgentListener::bind(home.path()), Err(SocketError::Squatted(_))));
}

#[tokio::test]
async fn a_folder_that_others_can_enter_or_redirect_is_rejected_at_both_ends() {
    let home = private();
    let run = home.path().join("run");
    let listener = AgentListener::bind(&run).unwrap();
    for open in [0o770, 0o707, 0o720, 0o755, 0o711] {
        with_mode(&run, open);
        let bound = AdminListener::bind(&run);
        assert!(matches!(bound, Err(SocketError::Dir(DirError::Open { mode, .. })) if mode == open), "{open:o}");
        assert!(matches!(connect(&listener.path()).await, Err(SocketError::Dir(DirError::Open { .. }))));
    }
    with_mode(&run, 0o700);
    let link = home.path().join("link");
    symlink(&run, &link).unwrap();
    assert!(matches!(AdminListener::bind(&link), Err(SocketError::Dir(DirError::NotAFolder(_)))));
    assert!(matches!(connect(&link.join("agent.sock")).await, Err(SocketError::Dir(DirError::NotAFolder(_)))));
    fs::write(home.path().join("file"), "").unwrap();
    assert!(matches!(AdminListener::bind(&home.path().join("file")), Err(SocketError::Dir(DirError::NotAFolder(_)))));
}

#[tokio::test]
async fn a_missing_daemon_gives_an_error_with_the_next_step() {
    let home = private();
    with_mode(home.path(), 0o700);
    for path in [home.path().join("agent.sock"), home.path().join("none/agent.sock")] {
        let error = connect(&path).await.unwrap_err();
        assert!(matches!(error, SocketError::NotRunning(_)));
        assert!(error.to_string().contains("start it with `briefcase up`"), "{error}");
    }
    drop(UnixListener::bind(home.path().join("agent.sock")).unwrap());
    assert!(matches!(connect(&home.path().join("agent.sock")).await, Err(SocketError::NotRunning(_))));
}

/// An attacker thread keeps placing links, files and foreign sockets. Binding fails or yields this process's socket,
/// and never touches the links' target.
#[test]
fn an_attacker_never_wins_a_thousand_races_for_the_path() {
    let home = private();
    let (place, temporary) = (home.path().join("agent.sock"), home.path().join("agent.sock.new"));
    let victim = tempfile::NamedTempFile::new().unwrap();
    fs::write(victim.path(), "text").unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let mut bound = 0;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = symlink(victim.path(), &place);
                let _ = symlink(victim.path(), &temporary);
                let _ = fs::remove_file(&place);
                let _ = fs::remove_file(&temporary);
            }
        });
        // On a busy machine the attacker may win the path for a while.
        for tried in 0..100_000 {
            if tried >= 1000 && bound > 0 {
                break;
            }
            if let Ok(listener) = AgentListener::bind(home.path()) {
                bound += 1;
                drop(listener);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(fs::read_to_string(victim.path()).unwrap(), "text");
    assert!(!fs::metadata(victim.path()).unwrap().file_type().is_socket());
    assert!(bound > 0, "the attacker alone kept the daemon from starting 100,000 times");
}
