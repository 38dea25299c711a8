use proptest::prelude::*;

use super::*;
use crate::ErrorCode;

fn parse(text: &str) -> Result<Envelope, EnvelopeError> {
    Envelope::parse(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn each_kind_is_recognised_and_keeps_the_received_bytes() {
    let text =
        r#" { "id" : "a" , "params" : { "z" : 1.50 , "a" : [ ] } , "method":"tools/call", "jsonrpc":"2.0","x":{} }"#;
    let call = parse(text).unwrap();
    assert_eq!(call.method(), Some("tools/call"));
    assert_eq!(call.params().unwrap(), r#"{ "z" : 1.50 , "a" : [ ] }"#);
    assert_eq!(call.raw(), text);
    assert!(matches!(parse(r#"{"jsonrpc":"2.0","method":"n"}"#).unwrap().kind(), EnvelopeKind::Notification { .. }));
    let answer = parse(r#"{"jsonrpc":"2.0","id":3,"result":{"k":"}\"{"}}"#).unwrap();
    assert_eq!((answer.result().unwrap(), answer.id()), (r#"{"k":"}\"{"}"#.into(), Some(&RequestId::number(3))));
    let failed = parse(r#"{"jsonrpc":"2.0","error":{"code":-1,"message":"m"}}"#).unwrap();
    assert!(matches!(failed.kind(), EnvelopeKind::ErrorResponse { id: None }));
    assert_eq!(failed.error().unwrap(), r#"{"code":-1,"message":"m"}"#);
}

#[test]
fn invalid_messages_are_rejected_with_the_right_code() {
    let cases = [
        ("", ErrorCode::PARSE_ERROR),
        ("nonsense", ErrorCode::PARSE_ERROR),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a"}{"#, ErrorCode::PARSE_ERROR),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, ErrorCode::PARSE_ERROR),
        (r#"{"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"a"}"#, ErrorCode::PARSE_ERROR),
        ("[]", ErrorCode::INVALID_REQUEST),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"a"}]"#, ErrorCode::INVALID_REQUEST),
        ("7", ErrorCode::INVALID_REQUEST),
        ("{}", ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"id":1,"method":"a"}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","result":{}}"#, ErrorCode::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"error":"text"}"#, ErrorCode::INVALID_REQUEST),
    ];
    for (text, code) in cases {
        assert_eq!(parse(text).unwrap_err().code(), code, "{text}");
    }
    let deep =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"a":{}{}}}}}"#, "[".repeat(99), "]".repeat(99));
    assert_eq!(parse(&deep).unwrap_err().code(), ErrorCode::PARSE_ERROR);
}

#[test]
fn an_error_response_carries_the_requests_id() {
    let refused = parse(r#"{"jsonrpc":"2.0","id":"x","method":"a","params":3}"#).unwrap_err();
    let answer = parse(std::str::from_utf8(&refused.to_response()).unwrap()).unwrap();
    assert_eq!(answer.id(), refused.id.as_ref());
    assert!(answer.id().is_some());
    let nameless = parse("[]").unwrap_err().to_response();
    assert!(!String::from_utf8(nameless.to_vec()).unwrap().contains("\"id\""));
}

#[test]
fn an_escaped_member_name_still_counts() {
    let message = parse(r#"{"jsonrpc":"2.0","\u0069d":4,"m\u0065thod":"ping"}"#).unwrap();
    assert_eq!((message.id(), message.method()), (Some(&RequestId::number(4)), Some("ping")));
    assert_eq!(message.with_id(&RequestId::number(9)), r#"{"jsonrpc":"2.0","\u0069d":9,"m\u0065thod":"ping"}"#);
}

#[test]
fn params_can_be_replaced_or_added() {
    let bare = parse(r#"{"method":"ping","jsonrpc":"2.0","id":4}"#).unwrap();
    assert_eq!(bare.with_params(b"{}"), r#"{"method":"ping","params":{},"jsonrpc":"2.0","id":4}"#);
    let full = parse(r#"{"method":"ping","params":{"a":1},"jsonrpc":"2.0","id":4,"later":0}"#).unwrap();
    assert_eq!(full.with_params(b"{}"), r#"{"method":"ping","params":{},"jsonrpc":"2.0","id":4,"later":0}"#);
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        ".{0,12}".prop_map(|text| text.into()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(".{0,8}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn replacing_the_id_changes_nothing_else(
        params in prop::collection::btree_map("[a-z]{1,6}", json_value(), 0..4),
        extra in json_value(),
        old in ".{0,20}",
        new in any::<u32>(),
        order in Just(["jsonrpc", "id", "method", "params", "extra"]).prop_shuffle(),
    ) {
        let members = serde_json::json!({"jsonrpc":"2.0","id":old,"method":"tools/call","params":params,"extra":extra});
        let text: Vec<String> =
            order.iter().map(|key| format!("{} :\n {}", serde_json::json!(key), members[key])).collect();
        let text = format!("{{{}}}", text.join(" ,\t"));
        let message = parse(&text).unwrap();
        let moved = Envelope::parse(message.with_id(&RequestId::number(new))).unwrap();
        prop_assert_eq!(moved.id(), Some(&RequestId::number(new)));
        prop_assert_eq!(moved.params(), message.params());
        prop_assert_eq!(moved.with_id(message.id().unwrap()), Bytes::from(text));
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_accepted_ones_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Envelope::parse(Bytes::from(bytes.clone())) {
            prop_assert_eq!(message.raw(), &Bytes::from(bytes));
        }
    }

    #[test]
    fn built_messages_parse_back(id in ".{0,12}", method in "[a-z/]{1,20}", text in ".{0,20}") {
        let id = RequestId::from_json(serde_json::json!(id).to_string().into()).unwrap();
        let asked = Envelope::parse(request(&id, &method, Some(b"{\"a\":1}"))).unwrap();
        prop_assert_eq!((asked.id(), asked.method()), (Some(&id), Some(method.as_str())));
        let told = Envelope::parse(notification(&method, None)).unwrap();
        prop_assert_eq!(told.method(), Some(method.as_str()));
        prop_assert_eq!(Envelope::parse(response(&id, b"{}")).unwrap().result(), Some(Bytes::from_static(b"{}")));
        let failed = Envelope::parse(error_response(Some(&id), ErrorCode::INTERNAL_ERROR, &text, Some(b"[1]"))).unwrap();
        let error: serde_json::Value = serde_json::from_slice(&failed.error().unwrap()).unwrap();
        prop_assert_eq!(error, serde_json::json!({"code": -32603, "message": text, "data": [1]}));
    }
}

#[test]
fn a_mark_before_a_message_and_null_members_are_accepted() {
    for text in [
        "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}",
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#,
        r#"{"jsonrpc":"2.0","method":"a","params" : null}"#,
    ] {
        let message = parse(text).unwrap();
        assert_eq!((message.method(), message.params()), (Some("a"), None), "{text}");
        let set = parse(std::str::from_utf8(&message.with_params(b"{\"b\":1}")).unwrap()).unwrap();
        assert_eq!(set.params().unwrap(), "{\"b\":1}", "{text}");
    }
    let result = parse(r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#).unwrap();
    assert!(matches!(result.kind(), EnvelopeKind::Response { .. }));
    let error = parse(r#"{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":"m"}}"#).unwrap();
    assert!(matches!(error.kind(), EnvelopeKind::ErrorResponse { .. }));
    assert!(parse(r#"{"jsonrpc":"2.0","id":1,"result":null,"error":null}"#).is_ok(), "a result of null");
    for text in ["\u{feff}\u{feff}{}", "{}\u{feff}", "\u{feff}"] {
        assert_eq!(parse(text).unwrap_err().code(), ErrorCode::PARSE_ERROR, "{text:?}");
    }
}
