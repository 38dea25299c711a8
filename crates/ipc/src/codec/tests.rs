use proptest::prelude::*;

use super::*;
use crate::{AgentTransport, ChannelRoute, OpenChannel, ToDaemon, ToGateway};

fn bytes(max: usize) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from)
}

fn to_daemon() -> impl Strategy<Value = ToDaemon> {
    let channel = any::<u32>().prop_map(ChannelId);
    prop_oneof![
        (channel.clone(), prop::option::of("[a-z]{1,8}"), any::<bool>(), any::<bool>()).prop_map(
            |(channel, view, stdio, stateless)| {
                let transport = if stdio { AgentTransport::Stdio } else { AgentTransport::Http };
                ToDaemon::Open { channel, open: OpenChannel { transport, view, stateless } }
            }
        ),
        (channel.clone(), prop::option::of(bytes(40)), bytes(200))
            .prop_map(|(channel, headers, json)| ToDaemon::Message { channel, headers, json }),
        (channel.clone(), bytes(20)).prop_map(|(channel, request)| ToDaemon::Cancel { channel, request }),
        channel.prop_map(|channel| ToDaemon::Close { channel }),
    ]
}

fn to_gateway() -> impl Strategy<Value = ToGateway> {
    let route = prop_oneof![Just(ChannelRoute::General), bytes(20).prop_map(ChannelRoute::Related)];
    let channel = any::<u32>().prop_map(ChannelId);
    prop_oneof![
        (channel.clone(), route, bytes(200)).prop_map(|(channel, route, json)| ToGateway::Message {
            channel,
            route,
            json
        }),
        (channel, ".{0,30}").prop_map(|(channel, reason)| ToGateway::Closed { channel, reason }),
    ]
}

/// Encodes frames and reads them back from a stream that is split every `cut` bytes.
fn through<F: Frame + Clone>(frames: &[F], cut: usize) -> Vec<F> {
    let wire: Vec<u8> = frames.iter().flat_map(|frame| frame.clone().into_parts().to_bytes().unwrap()).collect();
    let (mut codec, mut buffer, mut read) = (FrameCodec::new(MAX_FRAME_BYTES), BytesMut::new(), Vec::new());
    for chunk in wire.chunks(cut) {
        buffer.extend_from_slice(chunk);
        while let Some(frame) = codec.decode(&mut buffer).unwrap() {
            read.push(frame);
        }
    }
    assert!(codec.decode_eof(&mut buffer).unwrap().is_none());
    read
}

proptest! {
    #[test]
    fn frames_survive_any_split(
        down in prop::collection::vec(to_daemon(), 0..6),
        up in prop::collection::vec(to_gateway(), 0..6),
        cut in 1_usize..64,
    ) {
        prop_assert_eq!(through(&down, cut), down);
        prop_assert_eq!(through(&up, cut), up);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_grow(wire in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut codec = FrameCodec::<ToGateway>::new(128);
        let mut buffer = BytesMut::from(wire.as_slice());
        while let Ok(Some(_)) = codec.decode(&mut buffer) {}
        prop_assert!(buffer.capacity() <= 64 * 1024);
    }
}

fn decode<F: Frame>(wire: &[u8], max: usize) -> Result<Option<F>, FrameError> {
    FrameCodec::new(max).decode_eof(&mut BytesMut::from(wire))
}

#[test]
fn an_announced_oversized_frame_is_rejected_at_once() {
    for length in [0_u32, 4, 129, u32::try_from(MAX_FRAME_BYTES + 1).unwrap(), u32::MAX] {
        let refused = decode::<ToDaemon>(&length.to_be_bytes(), 128);
        assert!(matches!(refused, Err(FrameError::Length(_))), "{length}");
    }
    let oversize = FrameParts::plain(3, ChannelId(1), Bytes::from(vec![b'x'; MAX_RESULT_FRAME_BYTES - 4]));
    assert!(matches!(oversize.to_bytes(), Err(FrameError::Length(_))));
}

#[test]
fn truncated_unknown_and_malformed_frames_end_the_connection() {
    let frame = |kind: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len() + 5).unwrap().to_be_bytes();
        [&length[..], &[kind, 0, 0, 0, 1], payload].concat()
    };
    let max = 1024;
    assert!(matches!(decode::<ToDaemon>(&[0, 0], max), Err(FrameError::Truncated)));
    assert!(matches!(decode::<ToDaemon>(&[0, 0, 0, 9, 3, 0, 0, 0, 1, b'x'], max), Err(FrameError::Truncated)));
    for kind in [0_u8, 1, 7, 0x81, 0x83, 0xff] {
        let refused = decode::<ToDaemon>(&frame(kind, b"{}"), max);
        assert!(matches!(refused, Err(FrameError::UnknownKind(found)) if found == kind), "{kind}");
    }
    let malformed: [(u8, &[u8]); 5] = [
        (2, b"{"),
        (2, br#"{"transport":"pigeon","view":null}"#),
        (4, &[0, 0, 0, 9, b'x']),
        (4, &[0xff, 0xff, 0xff, 0xff]),
        (6, b"more"),
    ];
    for (kind, payload) in malformed {
        assert!(matches!(decode::<ToDaemon>(&frame(kind, payload), max), Err(FrameError::Malformed)), "{kind}");
    }
    let malformed: [(u8, &[u8]); 4] = [(0x83, b""), (0x83, &[2]), (0x83, &[1, 0, 0, 0, 2, b'x']), (0x84, &[0xff])];
    for (kind, payload) in malformed {
        assert!(matches!(decode::<ToGateway>(&frame(kind, payload), max), Err(FrameError::Malformed)), "{kind}");
    }
}
