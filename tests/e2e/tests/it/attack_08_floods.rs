//! Attack 8: storms of change notices, thousands of tools and endless descriptions cost little and change nothing.

use std::time::{Duration, Instant};

use briefcase_testkit::{ClientEra, HttpUpstream, McpClient, MockAction, Script, StdioUpstream, mock::tool};
use e2e::{Scene, assert_refused};
use serde_json::{Value, json};

const MEBI: u64 = 1 << 20;

/// Resident memory of the daemon.
fn memory(scene: &Scene) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", scene.daemon.id())).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}

/// Makes this number of calls to the honest server, one after the other. Returns the slowest.
async fn slowest(client: &McpClient, calls: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for n in 0..calls {
        let began = Instant::now();
        client.call("honest__look", json!({ "n": n })).await.expect("a call beside the storm");
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

/// Guards: notifications are merged and limited on their way in and out. Otherwise the agent would get thousands of
/// them, each would cause a list, and the queue would grow.
#[tokio::test]
async fn attack_08_a_storm_of_changes_does_not_reach_the_agent_or_delay_others() {
    let scene = Scene::new().await;
    let (honest, noisy) = (
        HttpUpstream::start(Script::one("look", MockAction::Echo)).await,
        HttpUpstream::start(Script::one("look", MockAction::Echo)).await,
    );
    let child = StdioUpstream::new(&scene.home, "child", &storm());
    scene.add_http("honest", &honest, &["look"]).await;
    scene.add_http("noisy", &noisy, &["look"]).await;
    scene.add_stdio("child", &child, &["look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.tool_names().await;
    client.call("noisy__look", json!({})).await.unwrap();
    slowest(&client, 20).await;
    let before = memory(&scene);
    let lists =
        |upstream: &HttpUpstream| upstream.messages().iter().filter(|message| message.method == "tools/list").count();
    let lists_before = lists(&noisy);

    let began = Instant::now();
    let pushing = async {
        // 10,000 notifications over the server's own stream, 2,000 a second.
        for _ in 0..200 {
            for method in ["tools", "prompts", "resources", "tools", "tools"].repeat(10) {
                noisy.push(json!({ "jsonrpc": "2.0", "method": format!("notifications/{method}/list_changed") }));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let child_storm = client.call("child__look", json!({}));
    let ((), stormed, slow) = tokio::join!(pushing, child_storm, slowest(&client, 100));
    stormed.unwrap();
    assert!(slow < Duration::from_secs(5), "a call beside the storm took {slow:?}");
    let grown = memory(&scene).saturating_sub(before);
    assert!(grown < 64 * MEBI, "the daemon grew by {} MiB", grown / MEBI);
    let told = client.notifications().iter().filter(|notice| notice["method"] != "notifications/message").count();
    let ticks = usize::try_from(began.elapsed().as_millis() / 300).unwrap() + 2;
    assert!(told > 0, "nobody was told of a change");
    assert!(told <= ticks * 3 + 110, "the agent was told {told} times in {:?}", began.elapsed());
    let listed = lists(&noisy) - lists_before;
    assert!(listed <= ticks * 2, "the storm made the daemon list {listed} times");
    assert_eq!(client.tool_names().await.len(), 3, "a storm accepted or hid a tool");
}

/// A call during 10,000 notifications on the same pipe.
fn storm() -> Script {
    let notice = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    Script::one("look", MockAction::Notify { times: 10_000, message: notice, then: Box::new(MockAction::Echo) })
}

/// Guards: the caps on tools and definitions. A new tool is never accepted by itself.
#[tokio::test]
async fn attack_08_ten_thousand_tools_and_an_endless_description_are_neither_shown_nor_accepted() {
    let honest = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let greedy = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let scene = Scene::new().await;
    scene.add_http("honest", &honest, &["look"]).await;
    scene.add_http("greedy", &greedy, &["look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    assert_eq!(client.tool_names().await, ["greedy__look", "honest__look"]);
    let before = memory(&scene);

    let mut many: Vec<Value> = vec![tool("look")];
    many.extend((0..10_000).map(|n| tool(&format!("tool{n}"))));
    let mut long = tool("look");
    long["description"] = json!("x".repeat(5 << 20));
    let mut over = tool("look");
    over["description"] = json!("x".repeat(70 << 10));
    for (what, tools) in [("many", many), ("long", vec![long]), ("over", vec![over])] {
        greedy.set(Script::with_tools(tools));
        let names = client.tool_names().await;
        assert!(names.contains(&"honest__look".to_owned()), "{what}: {names:?}");
        assert!(names.len() <= 2, "{what}: {} tools are shown", names.len());
        slowest(&client, 3).await;
        let answer = client.call("greedy__tool7", json!({})).await;
        assert!(e2e::refusal(&answer).is_some(), "{what}: {answer:?}");
        let effects = greedy.effects().len();
        if what == "many" {
            client.call("greedy__look", json!({})).await.expect("the accepted tool of a greedy server");
        } else {
            let answer = client.call("greedy__look", json!({})).await;
            assert!(matches!(e2e::refusal(&answer).as_deref(), Some("tool_changed" | "upstream_error")), "{answer:?}");
        }
        assert_eq!(greedy.effects().len(), effects + usize::from(what == "many"), "{what}: something ran");
    }
    let grown = memory(&scene).saturating_sub(before);
    assert!(grown < 64 * MEBI, "the daemon grew by {} MiB", grown / MEBI);
    // The person sees the maximum that a server may offer, the omissions, and the reason; only the endless description
    // is left out.
    let mut tools: Vec<Value> = (0..600).map(|n| tool(&format!("tool{n}"))).collect();
    tools[3]["description"] = json!("x".repeat(70 << 10));
    greedy.set(Script::with_tools(tools));
    let probe: Value = scene.daemon.admin.post("/v1/servers/probe", &greedy.spec()).await;
    let left_out: Vec<String> = probe["tools"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|tool| tool["state"] == "quarantined")
        .map(|tool| format!("{}: {}", tool["name"].as_str().unwrap(), tool["summary"].as_str().unwrap()))
        .collect();
    assert!(left_out[0].starts_with("tool3: its definition is longer"), "{left_out:?}");
    assert!(left_out[1].starts_with("tool512: the server offers more than 512"), "{left_out:?}");
    assert!(left_out.len() < 20 && left_out.last().unwrap().starts_with("(and 72 more)"), "{left_out:?}");
    let offered: Vec<&Value> =
        probe["tools"].as_array().unwrap().iter().filter(|tool| tool["state"] == "new").collect();
    assert_eq!(offered.len(), 511);
    assert!(offered.iter().all(|tool| tool["name"] != "tool3"), "a definition of 70 KiB can be accepted");
    assert_refused!(client.call("greedy__tool5", json!({})).await, "tool_changed");
}
