use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::{write_comment, write_event, write_retry};

fn read(stream: &[u8], cut: usize) -> Vec<SseEvent> {
    let (mut decoder, mut events) = (SseDecoder::default(), Vec::new());
    for chunk in stream.chunks(cut.max(1)) {
        decoder.push(chunk, &mut events).unwrap();
    }
    events
}

#[test]
fn fields_comments_and_line_ends_follow_the_standard() {
    let stream =
        "\u{feff}: hi\r\nretry: 20\r\nid: 7\r\ndata\r\n\r\nevent: x\rdata: a\rdata:  b\r\rdata: lost".as_bytes();
    for cut in 1..stream.len() {
        let events = read(stream, cut);
        assert_eq!(events.len(), 2, "cut at {cut}");
        assert_eq!(events[0], SseEvent { event: None, data: Bytes::new(), id: Some("7".into()), dropped: None });
        assert_eq!(
            events[1],
            SseEvent { event: Some("x".into()), data: "a\n b".into(), id: Some("7".into()), dropped: None }
        );
    }
    let mut decoder = SseDecoder::default();
    decoder.push(b"retry: 20\nretry: soon\nid: a\0b\n", &mut Vec::new()).unwrap();
    assert_eq!((decoder.retry(), decoder.last_event_id()), (Some(20), None));
}

#[test]
fn oversized_lines_oversized_events_and_other_encodings_stop_the_reader() {
    let limits = SseLimits { line: 16, event: 32, drop_long: false };
    let mut events = Vec::new();
    let long = SseDecoder::new(limits).push(&[b'x'; 17], &mut events);
    assert_eq!(long, Err(SseError::LineTooLong(16)));
    let mut decoder = SseDecoder::new(limits);
    let large = (0..9).try_for_each(|_| decoder.push(b"data: 12345\n", &mut events));
    assert_eq!(large, Err(SseError::EventTooLarge(32)));
    let mut empty_lines = SseDecoder::new(limits);
    assert!((0..99).try_for_each(|_| empty_lines.push(b"data\n", &mut events)).is_err());
    assert_eq!(SseDecoder::new(limits).push(b"data: \xff\n", &mut events), Err(SseError::Utf8));
    assert!(events.is_empty());
}

#[test]
fn a_long_event_is_dropped_alone() {
    let long = format!(r#"{{"result":"{}","id":3}}"#, "x".repeat(90));
    let lines = "data: {\"result\":\ndata: [1,\ndata:2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23],\ndata: \"id\":3}";
    for long in [
        format!("event: message\nid: 5\ndata: {long}"),
        lines.to_owned(),
        format!(": {}\ndata: {long}", "c".repeat(200)),
    ] {
        let stream = format!("data: a\n\n{long}\n\ndata: b\r\n\r\n");
        for cut in 1..stream.len() {
            let limits = SseLimits { line: 64, event: 64, drop_long: true };
            let (mut decoder, mut events) = (SseDecoder::new(limits), Vec::new());
            for chunk in stream.as_bytes().chunks(cut) {
                decoder.push(chunk, &mut events).unwrap();
            }
            let data: Vec<_> = events.iter().map(|event| event.data.clone()).collect();
            assert_eq!(data, ["a", "", "b"], "cut at {cut}: {stream}");
            let dropped = events[1].dropped.as_ref().unwrap();
            assert_eq!(dropped.id().and_then(|id| id.as_number()), Some(3), "cut at {cut}: {stream}");
        }
    }
    let mut endless = SseDecoder::new(SseLimits { line: 64, event: 64, drop_long: true });
    let chunk = vec![b'x'; 1 << 20];
    endless.push(b"data: ", &mut Vec::new()).unwrap();
    let ended = (0..70).try_for_each(|_| endless.push(&chunk, &mut Vec::new()));
    assert_eq!(ended, Err(SseError::EventTooLarge(64)), "not even an event that is dropped is endless");
}

proptest! {
    #[test]
    fn written_events_read_back(
        messages in prop::collection::vec(("[0-9]{1,3}-[0-9]{1,3}", "[^\r]{0,40}"), 0..6),
        cut in 1_usize..50,
    ) {
        let mut out = BytesMut::new();
        write_retry(&mut out, 100);
        for (id, data) in &messages {
            write_comment(&mut out);
            write_event(&mut out, Some(id), data.as_bytes());
        }
        let events = read(&out, cut);
        let expected: Vec<_> = messages.iter().map(|(id, data)| (Some(id.clone()), Bytes::from(data.clone()))).collect();
        prop_assert_eq!(events.into_iter().map(|event| (event.id, event.data)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_stream_makes_the_reader_panic(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..8),
        drop_long in any::<bool>(),
    ) {
        let mut decoder = SseDecoder::new(SseLimits { line: 64, event: 64, drop_long });
        let mut events = Vec::new();
        let _ = chunks.iter().try_for_each(|chunk| decoder.push(chunk, &mut events));
        prop_assert!(events.iter().all(|event| event.data.len() <= 64));
    }
}
