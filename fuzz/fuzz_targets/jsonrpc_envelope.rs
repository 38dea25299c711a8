//! An accepted message is kept byte for byte and means the same to an independent reader. Another id changes only the
//! id.
#![no_main]

use briefcase_mcp::{Envelope, EnvelopeKind, MessageKind, RequestId, RequestParams};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(message) = Envelope::parse(Bytes::copy_from_slice(data)) else { return };
    assert_eq!(message.raw(), data);
    serde_json::from_slice::<&serde_json::value::RawValue>(data).expect("accepted text is JSON");
    // Numbers are relayed as digits; a tree may be unable to represent one.
    let Ok(tree) = serde_json::from_slice::<Value>(data) else { return };
    assert_eq!(tree["jsonrpc"], "2.0");
    let asking = matches!(message.kind(), EnvelopeKind::Request { .. } | EnvelopeKind::Notification { .. });
    assert_eq!(asking, tree.get("method").is_some());
    assert_eq!(message.method(), tree.get("method").and_then(Value::as_str));
    let part =
        |bytes: Option<Bytes>| bytes.map(|bytes| serde_json::from_slice::<Value>(&bytes).expect("a part is JSON"));
    assert_eq!(part(message.params()).as_ref(), tree.get("params"));
    assert_eq!(part(message.result()).as_ref(), tree.get("result"));
    assert_eq!(part(message.error()).as_ref(), tree.get("error"));
    let _ = RequestParams::of(&message);
    let _ = MessageKind::peek(data);
    if let Some(id) = message.id() {
        let moved = Envelope::parse(message.with_id(&RequestId::number(7))).expect("still a message");
        assert_eq!(moved.id(), Some(&RequestId::number(7)));
        assert_eq!(moved.with_id(id), data);
    }
});
