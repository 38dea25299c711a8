//! Attack 64: a clock that was wrong once neither stops time nor makes anything last longer or renew early.

use std::time::Duration;

use briefcase_testkit::{ClientEra, HttpUpstream, McpClient, Script, eventually, mock::tool};
use e2e::{MovedClock, Scene, refusal};
use serde_json::{Value, json};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

async fn with_mock(scene: &Scene) -> HttpUpstream {
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("look"), tool("read"), tool("pay")])).await;
    scene.add_http("mock", &upstream, &["look", "read"]).await;
    let budget = json!({ "change": "set_budget", "server": "mock", "tool": "look", "window": "day", "limit": "1" });
    scene.change(budget).await;
    upstream
}

async fn looks(client: &McpClient) -> Option<String> {
    refusal(&client.call("mock__look", json!({})).await)
}

async fn reads(client: &McpClient) {
    client.call("mock__read", json!({})).await.unwrap();
}

async fn clock_of(scene: &Scene) -> Value {
    let status: Value = scene.daemon.admin.get("/v1/status").await;
    status["clock"].clone()
}

async fn accept(scene: &Scene) {
    let time = clock_of(scene).await["computer"].clone();
    scene.change(json!({ "change": "accept_clock", "time": time })).await;
}

/// The newest intent's time, and the notices about the clock.
async fn of_record(scene: &Scene) -> (u64, Vec<String>) {
    let receipts: Vec<Value> = scene.receipts().await.iter().map(|row| row["receipt"].clone()).collect();
    let intent = receipts.iter().rfind(|receipt| receipt["k"] == "intent").map_or(0, |at| at["at"].as_u64().unwrap());
    let notices = receipts.iter().filter_map(|receipt| receipt["what"].as_str());
    (intent, notices.filter(|what| what.starts_with("clock_")).map(str::to_owned).collect())
}

/// Saves an approval of `pay` for some seconds.
async fn rule(scene: &Scene, client: &McpClient, to: &str, seconds: i64) {
    let waiting = client.start("tools/call", json!({ "name": "mock__pay", "arguments": { "to": to } })).await;
    let question = scene.daemon.admin.question().await;
    let rule = json!({ "decision": "allow", "scope": "rule", "fixed": ["to"], "seconds": seconds });
    assert_eq!(scene.daemon.admin.decide(&question, &rule, &scene.setup.pin).await.0, 200);
    client.answer(waiting).await.unwrap();
}

async fn asks(scene: &Scene) {
    let client = scene.client(ClientEra::Legacy).await;
    client.start("tools/call", json!({ "name": "mock__pay", "arguments": { "to": "a" } })).await;
    assert_eq!(scene.daemon.admin.question().await["name"], "pay", "the saved approval still allows");
    client.close().await;
    let gone = async || {
        let open: Vec<Value> = scene.daemon.admin.get("/v1/approvals").await;
        open.is_empty().then_some(())
    };
    eventually("the question to be withdrawn", gone).await;
}

/// Guards: after a run with a clock that was ahead, time passes, grants end, and a person can accept the right clock.
#[tokio::test]
async fn attack_64_a_clock_that_was_ahead_does_not_stop_time() {
    for days in [2, 400] {
        let (scene, clock) = MovedClock::scene().await;
        let _upstream = with_mock(&scene).await;
        clock.set(days * DAY, 0);
        let scene = clock.after_a_crash(scene).await;
        let client = scene.client(ClientEra::Legacy).await;
        assert_eq!(looks(&client).await, None);
        rule(&scene, &client, "b", 30 * DAY).await;
        assert_eq!(clock_of(&scene).await["problem"]["code"], "clock_ahead", "{days}");
        assert_eq!(of_record(&scene).await.1, ["clock_ahead"]);

        clock.set(0, 0);
        let scene = clock.after_a_crash(scene).await;
        let client = scene.client(ClientEra::Legacy).await;
        let told = clock_of(&scene).await["problem"].clone();
        assert_eq!(told["code"], "clock_behind");
        assert!(!told.to_string().contains("Millis"), "{told}");
        assert_eq!(of_record(&scene).await.1, ["clock_ahead", "clock_behind"]);
        // Time passes.
        reads(&client).await;
        let before = of_record(&scene).await.0;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        reads(&client).await;
        let passed = of_record(&scene).await.0 - before;
        assert!((1000..60_000).contains(&passed), "{passed} ms between two calls");
        // The budget is not renewed early, and a person can go back to the right time.
        assert_eq!(looks(&client).await.as_deref(), Some("budget_exceeded"));
        let ahead = clock_of(&scene).await["now"].as_u64().unwrap();
        accept(&scene).await;
        let now = clock_of(&scene).await;
        assert!(now["problem"].is_null(), "{now}");
        assert!(now["now"].as_u64().unwrap() + 1000 * u64::try_from((days - 1) * DAY).unwrap() < ahead, "{now}");
        assert_eq!(looks(&client).await.as_deref(), Some("budget_exceeded"), "the accepted clock renewed the budget");
        let grants: Vec<Value> = scene.daemon.admin.get("/v1/grants").await;
        let ends = grants.iter().map(|grant| grant["expires"].as_u64().unwrap()).max().unwrap_or_default();
        let longest = now["now"].as_u64().unwrap() + 1000 * u64::try_from(30 * DAY).unwrap();
        assert!(ends <= longest, "a saved approval lasts longer than it was given for");
        reads(&client).await;
        let (at, notices) = of_record(&scene).await;
        assert!(at < ahead && notices.last().unwrap() == "clock_accepted", "{at} {notices:?}");
        rule(&scene, &client, "a", 3).await;
        tokio::time::sleep(Duration::from_millis(3500)).await;
        asks(&scene).await;
        // The next day the budget is new.
        clock.set(23 * HOUR, 0);
        reads(&client).await;
        clock.set(46 * HOUR, 0);
        assert_eq!(looks(&client).await, None, "{days}");
        // The record with a time that went back is sound, and opens again.
        let home = {
            let Scene { daemon, home, made, .. } = scene;
            daemon.stop().await;
            assert_eq!(Scene::fsck(&home).await["clean"], true);
            (home, made)
        };
        let daemon = Scene::restarted(&home.0, &home.1).await;
        daemon.stop().await;
    }
}

/// Guards: a clock that is set ahead by days while the daemon runs is noticed. It ends grants, and renews no budget by itself at
/// once.
#[tokio::test]
async fn attack_64_a_step_ahead_is_noticed_before_it_renews_a_budget() {
    let (scene, clock) = MovedClock::scene().await;
    let _upstream = with_mock(&scene).await;
    let client = scene.client(ClientEra::Legacy).await;
    assert_eq!(looks(&client).await, None);
    rule(&scene, &client, "a", HOUR).await;
    clock.set(3 * DAY, 0);
    let noticed = async || (clock_of(&scene).await["problem"]["code"] == "clock_ahead").then_some(());
    eventually("the step to be noticed", noticed).await;
    let recorded = async || (of_record(&scene).await.1 == ["clock_ahead"]).then_some(());
    eventually("the notice to be durable", recorded).await;
    asks(&scene).await;
    assert_eq!(looks(&client).await.as_deref(), Some("budget_exceeded"));
    let checks: Vec<Value> = scene.daemon.admin.get("/v1/doctor").await;
    assert!(checks.iter().any(|check| check["name"] == "clock" && check["severity"] == "warn"), "{checks:?}");
    // Neither a restart nor the old time changes that.
    let scene = clock.after_a_crash(scene).await;
    let client = scene.client(ClientEra::Legacy).await;
    assert_eq!(looks(&client).await.as_deref(), Some("budget_exceeded"));
    accept(&scene).await;
    assert_eq!(looks(&client).await, None, "the person says that three days have passed");
}
