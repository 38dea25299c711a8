//! Frames read from any bytes are written back as the same bytes. The reader buffers no more than the announced length.
#![no_main]

use briefcase_ipc::{Frame, FrameCodec, Hello, ToDaemon, ToGateway};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::Decoder as _;

fn read<F: Frame>(data: &[u8], exact: bool) {
    let mut codec = FrameCodec::<F>::new(1024);
    let mut buffer = BytesMut::from(data);
    let mut at = 0;
    while let Ok(Some(frame)) = codec.decode(&mut buffer) {
        let end = data.len() - buffer.len();
        let written = frame.into_parts().to_bytes().expect("what was read can be written");
        assert!(!exact || written == data[at..end]);
        at = end;
    }
}

fuzz_target!(|data: &[u8]| {
    // JSON inside of opening frames may be written with other white space.
    let first_kinds_are_raw = !data.windows(5).any(|bytes| matches!(bytes[4], 0x01 | 0x02 | 0x81 | 0x82));
    read::<ToDaemon>(data, first_kinds_are_raw);
    read::<ToGateway>(data, true);
    read::<Hello>(data, false);
});
