//! What one call costs here. Prints; run with `--release --ignored --nocapture` for a figure worth anything.

use std::time::Instant;

use briefcase_surface::View;
use serde_json::json;

use crate::world::{Server, World, answering, modern};

#[tokio::test]
#[ignore = "a measurement, not a check"]
async fn overhead_of_a_call() {
    const CALLS: u32 = 50_000;
    let content = json!([{"type":"text","text":"x".repeat(800)}]);
    let world =
        World::new(vec![("srv", Server { handler: answering(json!({"content":content})), ..Server::default() })]);
    for (name, view, era_is_modern) in [
        ("legacy, all", View::All, false),
        ("legacy, one", View::One("srv".parse().unwrap()), false),
        ("modern, all", View::All, true),
    ] {
        let tool = if view == View::All { "srv__echo" } else { "echo" };
        let mut client = world.legacy(view, json!({})).await;
        let params = json!({"name":tool,"arguments":{"message":"hello","n":[1,2,3]},"_meta":{"progressToken":1}});
        let params = if era_is_modern { modern(params, json!({})) } else { params };
        let message = json!({"jsonrpc":"2.0","id":1,"method":"tools/call","params":params}).to_string();
        let begun = Instant::now();
        for _ in 0..CALLS {
            client.raw(message.as_bytes());
            client.next_raw().await;
        }
        println!("{name}: {:?} per call, with the test's own core and client", begun.elapsed() / CALLS);
    }
}
