//! Frames over a real socket.

use std::time::Duration;

use briefcase_ipc::{ChannelId, ChannelRoute, FrameError, SendError, ToDaemon, ToGateway};
use bytes::Bytes;

use crate::{pair, private};

fn message(channel: u32, json: Bytes) -> ToDaemon {
    ToDaemon::Message { channel: ChannelId(channel), headers: None, json }
}

#[tokio::test]
async fn messages_of_all_sizes_arrive_whole_and_in_order() {
    let home = private();
    let (link, mut connection) = pair(home.path()).await;
    let sizes = [0, 1, 100, 16 * 1024, 16 * 1024 + 1, 70_000, 4 << 20, 3, (8 << 20) - 4096, 5];
    let sender = link.sender.clone();
    let sent = tokio::spawn(async move {
        for (number, size) in sizes.into_iter().enumerate() {
            let json = Bytes::from(vec![u8::try_from(number).unwrap(); size]);
            sender.send(message(u32::try_from(number).unwrap(), json)).await.unwrap();
        }
    });
    for (number, size) in sizes.into_iter().enumerate() {
        let Some(ToDaemon::Message { channel, json, .. }) = connection.receiver.recv().await.unwrap() else { panic!() };
        assert_eq!((channel.0, json.len()), (u32::try_from(number).unwrap(), size));
        assert!(json.iter().all(|byte| usize::from(*byte) == number));
    }
    sent.await.unwrap();
}

#[tokio::test]
async fn an_oversized_message_is_rejected_and_the_connection_continues() {
    let home = private();
    let (link, mut connection) = pair(home.path()).await;
    let giant = message(1, Bytes::from(vec![b'x'; 8 << 20]));
    assert_eq!(link.sender.send(giant).await, Err(SendError::TooLarge));
    link.sender.send(message(1, Bytes::from_static(b"{}"))).await.unwrap();
    assert!(connection.receiver.recv().await.unwrap().is_some());
}

#[tokio::test]
async fn a_sender_waits_for_a_reader_instead_of_filling_memory() {
    let home = private();
    let (mut link, connection) = pair(home.path()).await;
    let megabyte = Bytes::from(vec![b'x'; 1 << 20]);
    let general =
        |json: &Bytes| ToGateway::Message { channel: ChannelId(1), route: ChannelRoute::General, json: json.clone() };
    let mut accepted = 0_u32;
    while tokio::time::timeout(Duration::from_millis(300), connection.sender.send(general(&megabyte))).await.is_ok() {
        accepted += 1;
        assert!(accepted < 64, "nothing makes the sender wait");
    }
    for _ in 0..accepted {
        assert!(link.receiver.recv().await.unwrap().is_some());
    }
    connection.sender.send(general(&megabyte)).await.unwrap();
}

#[tokio::test]
async fn both_ends_notice_the_end() {
    let home = private();
    let (mut link, connection) = pair(home.path()).await;
    let sender = link.sender.clone();
    drop(connection);
    assert!(link.receiver.recv().await.unwrap().is_none());
    let ended = async {
        while sender.send(message(1, Bytes::from_static(b"{}"))).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
    assert!(sender.is_closed());
}

#[tokio::test]
async fn an_end_inside_a_frame_is_an_error_not_a_message() {
    use tokio::io::AsyncWriteExt as _;
    let home = private();
    let listener = briefcase_ipc::AgentListener::bind(home.path()).unwrap();
    let (mut client, _) = briefcase_ipc::connect(&listener.path()).await.unwrap();
    let hello = format!(r#"{{"protocol":1,"agent_token":"{}","gateway":"g"}}"#, super::TOKEN);
    client.write_u32(u32::try_from(hello.len() + 5).unwrap()).await.unwrap();
    client.write_all(&[1, 0, 0, 0, 0]).await.unwrap();
    client.write_all(hello.as_bytes()).await.unwrap();
    client.write_all(&[0, 0, 0, 50, 3, 0, 0, 0, 1, b'{']).await.unwrap();
    let greeting = listener.accept().await.read_hello().await.unwrap();
    let mut connection = greeting.welcome(crate::welcome()).await.unwrap();
    drop(client);
    let ended = connection.receiver.recv().await;
    assert!(matches!(ended, Err(FrameError::Truncated | FrameError::Io(_))), "{ended:?}");
}
