//! Attack 71: a rule about a URI holds in every spelling of it, and in every method that carries it.

use super::*;

/// Everything is allowed, except what the rule forbids.
fn forbidding(action: &str, condition: &str) -> PolicySet {
    let text = format!(
        "@id(\"all\") permit (principal, action, resource);\n\
         @id(\"rule\") forbid (principal, action in [{action}], resource) when {{ {condition} }};"
    );
    World::new().with_policy(&text).compile().unwrap()
}

const READ: &str = "Action::\"read_resource\"";

#[test]
fn a_rule_against_a_uri_is_not_evaded_by_its_spelling() {
    let set = forbidding(READ, "context.uri like \"*secret*\"");
    for uri in [
        "file:///data/secret",
        "file:///data/s%65cret",
        "file:///data/s%2565cret",
        "file:///data/%73%65%63%72%65%74",
        "file:///data/\u{ff53}ecret",
        "file:///data/se\u{200b}cret",
        "file:///data/se%E2%80%8Bcret",
        "memo://SECRET/1",
        "HTTPS://\u{ff33}ecret.example/",
    ] {
        assert_eq!(on_server(&set, "mail", Action::ReadResource { uri }), "deny", "{uri}");
    }
    assert_eq!(on_server(&set, "mail", Action::ReadResource { uri: "file:///data/report" }), "allow");
    let set = forbidding(READ, "context.uri like \"file:///etc/*\"");
    for uri in [
        "FILE:///etc/passwd",
        "file://localhost/etc/passwd",
        "file:/etc/passwd",
        "file:////etc/passwd",
        "file:///tmp/../etc/passwd",
        "file:///tmp/%2e%2e/etc/passwd",
        "file:///tmp%2f..%2fetc%2fpasswd",
        "file:\\\\\\etc\\passwd",
        "file:///%65tc/passwd",
    ] {
        assert_eq!(on_server(&set, "mail", Action::ReadResource { uri }), "deny", "{uri}");
    }
}

#[test]
fn a_rule_that_allows_a_folder_does_not_allow_a_way_out_of_it() {
    let text = "@id(\"docs\") permit (principal, action == Action::\"read_resource\", resource) \
                when { context.uri like \"file:///docs/*\" };";
    let set = World::new().with_policy(text).compile().unwrap();
    for uri in ["file:///docs/a.md", "file:///docs/a%20b.md", "file:///docs/x/../a.md"] {
        assert_eq!(on_server(&set, "mail", Action::ReadResource { uri }), "allow", "{uri}");
    }
    for uri in [
        "file:///docs/../etc/passwd",
        "file:///docs/%2e%2e/etc/passwd",
        "file:///docs/%252e%252e/etc/passwd",
        "file:///docs/..%2fetc/passwd",
        "file:///docs/..\\etc\\passwd",
        "file:///docs/\u{ff0e}\u{ff0e}/etc/passwd",
    ] {
        assert_eq!(on_server(&set, "mail", Action::ReadResource { uri }), "deny", "{uri}");
    }
}

#[test]
fn a_completion_obeys_the_rule_about_the_uri_in_it() {
    let argument = |name: &str, value: &str| json!({ "name": name, "value": value });
    let carriers = [
        json!({ "ref": { "type": "ref/resource", "uri": "file:///secret" }, "argument": argument("x", "") }),
        json!({ "ref": { "type": "ref/resource", "uri": "file:///s%65cret" }, "argument": argument("x", "") }),
        json!({ "ref": { "type": "ref/resource", "uri": "file:///{path}" }, "argument": argument("path", "secret") }),
        json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": argument("uri", "file:///secret") }),
        json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": argument("to", "FILE://localhost/secret") }),
    ];
    let both = format!("{READ}, Action::\"complete\"");
    for set in
        [forbidding(READ, "context.uri == \"file:///secret\""), forbidding(&both, "context.uri like \"*secret*\"")]
    {
        for params in &carriers {
            assert_eq!(on_server(&set, "mail", Action::Complete { params }), "deny", "{params}");
        }
        let harmless = json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": argument("to", "secret") });
        assert_eq!(on_server(&set, "mail", Action::Complete { params: &harmless }), "allow");
    }
}

#[test]
fn the_strictest_reading_counts() {
    let text = "@id(\"raw\") permit (principal, action == Action::\"read_resource\", resource) \
                when { context.uri like \"x://A*\" };\n\
                @id(\"asks\") permit (principal, action == Action::\"read_resource\", resource) \
                when { context.approved };";
    let set = World::new().with_policy(text).compile().unwrap();
    assert_eq!(on_server(&set, "mail", Action::ReadResource { uri: "x://Ab" }), "ask");
}

#[test]
fn a_grant_of_exact_arguments_covers_exactly_the_members_beside_them() {
    let (arguments, meta) = (json!({ "to": "a@b" }), r#"{"_meta":{"baggage":"x"}}"#);
    for granted in [None, Some(meta)] {
        let mut world = World::new();
        world.grant(1, "send", GrantArguments::exact_beside(&arguments, granted));
        let set = world.compile().unwrap();
        for (beside, covered) in [
            (None, granted.is_none()),
            (Some(meta), granted.is_some()),
            (Some(r#"{"_meta":{"baggage":"y"}}"#), false),
            (Some(r#"{"task":{"ttl":1}}"#), false),
        ] {
            let (agent, server, tool): (AgentId, ServerId, ToolName) = (id("dev"), id("mail"), id("send"));
            let action = Action::Call { tool: &tool, arguments: &arguments };
            let facts = Facts { agent: &agent, server: &server, action, labels: Labels::NONE, now: UnixMillis(0) };
            let wanted = if covered { "allow" } else { "ask" };
            assert_eq!(set.decide_beside(&facts, beside).as_str(), wanted, "{granted:?} {beside:?}");
        }
    }
    let mut world = World::new();
    world.grant(1, "send", GrantArguments::Fields([("to".to_owned(), FieldRule::Equals("a@b".into()))].into()));
    let set = world.compile().unwrap();
    let (agent, server, tool): (AgentId, ServerId, ToolName) = (id("dev"), id("mail"), id("send"));
    let action = Action::Call { tool: &tool, arguments: &arguments };
    let facts = Facts { agent: &agent, server: &server, action, labels: Labels::NONE, now: UnixMillis(0) };
    assert_eq!((set.decide(&facts).as_str(), set.decide_beside(&facts, Some(meta)).as_str()), ("allow", "ask"));
}
