//! Mirrored headers pass only if they match the body, and the end of a request does not depend on how its bytes are
//! cut.
#![no_main]
#![allow(dead_code)]

use briefcase_mcp::{Envelope, ParamHeaders, RequestParams, check_headers, decode_header_value};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

#[path = "../../apps/mcp-gateway/src/http/framing.rs"]
mod framing;

const BODY: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;

fn headers(text: &[u8]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n').take(40) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}

fn framed(bytes: &[u8], cut: usize) -> Result<(bool, bool), framing::FramingError> {
    let mut state = framing::Framing::default();
    bytes.chunks(cut).try_for_each(|chunk| state.received(chunk))?;
    Ok((state.inside_head(), state.has_had_request()))
}

fuzz_target!(|data: &[u8]| {
    let headers = headers(data);
    let body = Envelope::parse(BODY.into()).expect("a valid body");
    let params = RequestParams::of(&body).expect("valid parameters");
    if check_headers(&headers, &body, &params).is_ok() {
        let text = |name: &str| headers[name].to_str().expect("checked").trim_matches([' ', '\t']).to_owned();
        assert_eq!((text("mcp-protocol-version").as_str(), text("mcp-method").as_str()), ("2026-07-28", "tools/call"));
        assert_eq!(decode_header_value(&text("mcp-name")).as_deref(), Some("echo"));
        assert_eq!(headers.get_all("mcp-name").iter().count(), 1);
    }
    if let Ok(mirrored) = ParamHeaders::collect(&headers) {
        assert_eq!(ParamHeaders::from_json(&mirrored.to_json()).expect("own form"), mirrored);
    }
    let whole = framed(data, data.len().max(1));
    assert_eq!(whole, framed(data, 1));
    assert_eq!(whole, framed(data, 7));
});
