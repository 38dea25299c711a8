use std::sync::Arc;

use briefcase_types::{AgentId, Entropy};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::task_handles::TaskHandles;

struct Zero;

impl Entropy for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn change(view: &View, era: Era, use_it: impl FnOnce(&Rewriter<'_>) -> Bytes) -> String {
    let handles = TaskHandles::new(Arc::new(Zero), 8);
    let (agent, server): (AgentId, ServerId) = ("a".parse().unwrap(), "srv".parse().unwrap());
    let ids = TaskIds { handles: &handles, agent: &agent, server: &server };
    let changed = use_it(&Rewriter { view, era, ids, ttl_ms: 0 });
    String::from_utf8(changed.to_vec()).unwrap()
}

fn result(view: &View, era: Era, method: Method, raw: &str) -> String {
    change(view, era, |rewriter| rewriter.result(method, Bytes::copy_from_slice(raw.as_bytes())))
}

fn one() -> View {
    View::One("srv".parse().unwrap())
}

#[test]
fn resource_uris_get_their_server_and_nothing_else_changes() {
    let tool = r#"{ "content":[{"type":"text","text":"uri a://b","uri":"a://b"}, {"uri":"a://\u0062","x":1.0,"type":"resource_link"},{"type":"resource","resource":{"uri":"a://c","text":"a://c"},"uri":"no"}],"structuredContent":{"uri":"a://b"}}"#;
    let expected = tool
        .replace(r#"{"uri":"a://\u0062","x":1.0"#, r#"{"uri":"srv+a://b","x":1.0"#)
        .replace(r#"{"uri":"a://c""#, r#"{"uri":"srv+a://c""#);
    assert_eq!(result(&View::All, Era::Legacy, Method::CallTool, tool), expected);
    assert_eq!(result(&one(), Era::Legacy, Method::CallTool, tool), tool);
    let prompt = r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a://b","blob":""}}},{"role":"user","content":[{"type":"resource_link","uri":"c://d"}]}]}"#;
    let expected = prompt.replace("a://b", "srv+a://b").replace("c://d", "srv+c://d");
    assert_eq!(result(&View::All, Era::Legacy, Method::GetPrompt, prompt), expected);
    let read = r#"{"contents":[{"uri":"a://b","text":"x"},{"text":"y"}]}"#;
    assert_eq!(result(&View::All, Era::Legacy, Method::ReadResource, read), read.replace("a://b", "srv+a://b"));
    let task = r#"{"taskId":"t","status":"completed","result":{"content":[{"type":"resource_link","uri":"a://b"}]}}"#;
    let changed = result(&View::All, Era::Legacy, Method::Task(FollowUp::GetTask), task);
    assert_eq!(changed, task.replace("a://b", "srv+a://b").replace(r#""t""#, r#""AAAAAAAAAAAAAAAAAAAAAA""#));
}

#[test]
fn modern_results_have_a_type_and_are_never_public() {
    assert_eq!(result(&one(), Era::Modern, Method::CallTool, "{}"), r#"{"resultType":"complete"}"#);
    let typed = r#"{"content":[],"resultType":"complete"}"#;
    assert_eq!(result(&one(), Era::Modern, Method::CallTool, typed), typed);
    let nested = result(&one(), Era::Modern, Method::CallTool, r#"{"structuredContent":{"resultType":"x"}}"#);
    assert!(nested.starts_with(r#"{"resultType":"complete","#), "{nested}");
    let read = result(&one(), Era::Modern, Method::ReadResource, r#"{"contents":[],"cacheScope":"public","ttlMs":5}"#);
    let read: Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read, json!({"resultType":"complete","contents":[],"cacheScope":"private","ttlMs":5}));
    let bare: Value = serde_json::from_str(&result(&one(), Era::Modern, Method::ReadResource, "{}")).unwrap();
    assert_eq!(bare, json!({"resultType":"complete","cacheScope":"private","ttlMs":0}));
    let legacy = r#"{"contents":[]}"#;
    assert_eq!(result(&one(), Era::Legacy, Method::ReadResource, legacy), legacy);
}

#[test]
fn items_are_listed_under_their_name_in_the_view() {
    let tool = r#"{"description":"name","name":"get_sum","execution":{"x":1.10},"name2":"get_sum"}"#;
    let item = |view: &View, name, raw: &'static str| {
        change(view, Era::Legacy, |rewriter| rewriter.item(name, &Bytes::from_static(raw.as_bytes())))
    };
    assert_eq!(item(&View::All, "name", tool), tool.replacen(r#""get_sum""#, r#""srv__get_sum""#, 1));
    assert_eq!(item(&one(), "name", tool), tool);
    let template = r#"{"uriTemplate":"a://{id}","name":"n"}"#;
    assert_eq!(item(&View::All, "uriTemplate", template), template.replace("a://", "srv+a://"));
}

#[test]
fn errors_keep_their_data_and_get_the_code_of_the_era() {
    let error = |era| {
        let handles = TaskHandles::new(Arc::new(Zero), 8);
        let (agent, server): (AgentId, ServerId) = ("a".parse().unwrap(), "srv".parse().unwrap());
        let ids = TaskIds { handles: &handles, agent: &agent, server: &server };
        let data = Some(Bytes::from_static(br#"{"uri":"a://b","x":1.0}"#));
        let error = RpcError { code: -32002, message: "no".into(), data };
        Rewriter { view: &View::All, era, ids, ttl_ms: 0 }.error(error)
    };
    assert_eq!((error(Era::Legacy).code, error(Era::Modern).code), (-32002, -32602));
    assert_eq!(error(Era::Modern).data.unwrap(), r#"{"uri":"srv+a://b","x":1.0}"#);
}

proptest! {
    /// The reverse change gives the server's bytes back.
    #[test]
    fn a_rewrite_changes_uris_only(
        blocks in prop::collection::vec(("[a-z]{1,5}", "[a-zA-Z0-9 é\\\\\"/]{0,12}", any::<u16>()), 0..6),
    ) {
        let content: Vec<Value> = blocks
            .iter()
            .map(|(scheme, rest, number)| match number % 3 {
                0 => json!({"type":"resource_link","uri":format!("{scheme}://{rest}"),"n":number,"name":rest}),
                1 => json!({"type":"resource","resource":{"uri":format!("{scheme}://{rest}"),"text":rest}}),
                _ => json!({"type":"text","text":format!("{scheme}://{rest}"),"annotations":{"priority":number}}),
            })
            .collect();
        let raw = serde_json::to_string_pretty(&json!({"content":content,"isError":false})).unwrap();
        let changed = result(&View::All, Era::Legacy, Method::CallTool, &raw);
        prop_assert_eq!(&changed.replace("\"srv+", "\""), &raw);
        let count = blocks.iter().filter(|(_, _, number)| number % 3 < 2).count();
        prop_assert_eq!(changed.matches("\"srv+").count(), count);
        for method in [Method::GetPrompt, Method::ReadResource, Method::Complete] {
            prop_assert_eq!(result(&View::All, Era::Legacy, method, &raw), raw.clone());
        }
    }

    #[test]
    fn no_reply_causes_a_panic(raw in ".{0,120}") {
        for method in [Method::CallTool, Method::GetPrompt, Method::ReadResource, Method::Task(FollowUp::GetTask)] {
            let _ = result(&View::All, Era::Modern, method, &raw);
        }
    }
}
