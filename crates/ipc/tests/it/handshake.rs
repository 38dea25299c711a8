//! The first frame in each direction.

use std::{
    io::{IoSlice, Read, Write},
    os::fd::AsFd,
    os::unix::net::UnixStream,
    time::Duration,
};

use briefcase_ipc::{AgentListener, ConnectError, DaemonClient, HandshakeRefusal};
use briefcase_types::RefusalCode;

use crate::{pair, private, token, welcome};

#[tokio::test]
async fn the_daemon_gets_the_token_and_the_gateway_gets_the_agent() {
    let home = private();
    let listener = AgentListener::bind(home.path()).unwrap();
    let path = listener.path();
    let server = async {
        let greeting = listener.accept().await.read_hello().await.unwrap();
        assert!(greeting.hello.agent_token.expose(|token| token == super::TOKEN));
        assert_eq!((greeting.hello.protocol, greeting.hello.gateway.as_str()), (1, "mcp-gateway/0.1.0"));
        greeting.welcome(welcome()).await.unwrap()
    };
    let (link, _connection) = tokio::join!(DaemonClient::connect(&path, token(), "mcp-gateway/0.1.0"), server);
    assert_eq!(link.unwrap().welcome, welcome());
}

#[tokio::test]
async fn a_refusal_reaches_the_gateway_with_its_next_step() {
    let home = private();
    let listener = AgentListener::bind(home.path()).unwrap();
    let path = listener.path();
    let refused = HandshakeRefusal {
        code: RefusalCode::Unavailable,
        message: "The vault is locked.".into(),
        next_step: "Unlock it with `briefcase unlock`.".into(),
    };
    let server = async { listener.accept().await.read_hello().await.unwrap().refuse(refused.clone()).await.unwrap() };
    let (link, ()) = tokio::join!(DaemonClient::connect(&path, token(), "test/1"), server);
    match link {
        Err(ConnectError::Refused(found)) => assert_eq!(found, refused),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn silence_garbage_oversized_and_early_frames_are_rejected() {
    let home = private();
    let listener = AgentListener::bind(home.path()).unwrap();
    let no_token = br#"{"protocol":1,"agent_token":"x","gateway":"g"}"#;
    let mut bad_hello = vec![0, 0, 0, u8::try_from(no_token.len() + 5).unwrap(), 1, 0, 0, 0, 0];
    bad_hello.extend(no_token);
    let openings: [&[u8]; 5] =
        [b"", b"GET / HTTP/1.1\r\n\r\n", &[0, 0x10, 0, 0, 1], &[0, 0, 0, 7, 3, 0, 0, 0, 1, b'{', b'}'], &bad_hello];
    for opening in openings {
        let mut client = UnixStream::connect(listener.path()).unwrap();
        client.write_all(opening).unwrap();
        assert!(listener.accept().await.read_hello().await.is_err(), "{opening:?}");
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // The connection ends or is reset, and no byte is sent.
        assert_eq!(client.read(&mut [0; 8]).unwrap_or(0), 0);
    }
}

/// Attack 70: connections that say nothing end for newer ones.
#[tokio::test]
async fn silent_connections_do_not_shut_out_a_newcomer() {
    let home = private();
    let listener = AgentListener::bind(home.path()).unwrap();
    let path = listener.path();
    let mut silent = Vec::new();
    for _ in 0..300 {
        let client = UnixStream::connect(&path).unwrap();
        silent.push((client, listener.accept().await));
    }
    let server = async { listener.accept().await.read_hello().await.unwrap().welcome(welcome()).await.unwrap() };
    let (link, _connection) = tokio::join!(DaemonClient::connect(&path, token(), "test/1"), server);
    assert_eq!(link.unwrap().welcome, welcome());
    let (mut client, oldest) = silent.swap_remove(0);
    assert!(oldest.read_hello().await.is_err(), "the oldest made room");
    assert_eq!(client.read(&mut [0; 8]).unwrap_or(0), 0, "and is closed");
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The kernel closes descriptors sent along with bytes, because reads leave no room for them.
#[tokio::test(start_paused = true)]
async fn passed_descriptors_are_never_received() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let home = private();
    let (mut link, mut connection) = pair(home.path()).await;
    let listener = AgentListener::bind(&home.path().join("second")).unwrap();
    let client = UnixStream::connect(listener.path()).unwrap();
    let incoming = listener.accept().await;
    let before = open_descriptors();
    let file = std::fs::File::open("/dev/null").unwrap();
    for _ in 0..200 {
        let fds = [file.as_fd(); 8];
        let mut space = vec![std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        sendmsg(&client, &[IoSlice::new(&[0])], &mut control, SendFlags::DONTWAIT).unwrap();
    }
    assert!(incoming.read_hello().await.is_err());
    drop((client, file));
    assert!(open_descriptors() < before + 8, "descriptors were taken in");
    link.sender.send_now(briefcase_ipc::ToDaemon::Close { channel: briefcase_ipc::ChannelId(1) }).unwrap();
    assert!(connection.receiver.recv().await.unwrap().is_some());
    drop(connection);
    assert!(link.receiver.recv().await.unwrap().is_none());
}
