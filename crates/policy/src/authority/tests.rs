use std::{str::FromStr, time::Duration};

use base64::Engine as _;
use briefcase_types::{
    AgentId, ApprovalId, Digest, EnvValue, HeaderTemplate, Incarnation, ServerId, ServerSettings, ToolName, Transport,
    UnixMillis,
};
use serde_json::json;

use super::*;
use crate::label::Label;

const DAY: u64 = 24 * 60 * 60 * 1000;

fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn handle<T: serde::de::DeserializeOwned>(number: u8) -> T {
    let mut bytes = [0; 16];
    bytes[0] = number;
    serde_json::from_value(json!(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))).unwrap()
}

fn http(url: &str, headers: Vec<HeaderTemplate>) -> Server {
    Server::new(Transport::Http { url: url.into(), headers })
}

fn header(name: &str, value: &str, secret: Option<&str>) -> HeaderTemplate {
    HeaderTemplate { name: name.into(), value: value.into(), secret: secret.map(id) }
}

fn world() -> Authority {
    let incarnation: Incarnation = handle(1);
    let steps = Authority::empty(incarnation).add_agent(id("dev"), Digest::sha256(b"t"), UnixMillis(5)).unwrap();
    let steps = steps.document.set_secret(id("mail-token"), Digest::sha256(b"sealed")).unwrap();
    let token = header("Authorization", "Bearer {secret}", Some("mail-token"));
    let steps = steps.document.add_server(id("mail"), http("https://mail.example/mcp", vec![token])).unwrap();
    let steps = steps.document.accept_pin(&id("mail"), id("send"), Digest::sha256(b"one")).unwrap();
    let factor = Factor { id: "pin-1".into(), kind: "pin".into(), data: json!({ "hash": "x" }) };
    steps.document.add_factor(factor).unwrap().document
}

fn grant(arguments: GrantArguments) -> Grant {
    let created_by: ApprovalId = handle(7);
    Grant {
        id: "g1".into(),
        agent: id("dev"),
        server: id("mail"),
        tool: id("send"),
        pin: Digest::sha256(b"one"),
        arguments,
        created: UnixMillis(0),
        expires: UnixMillis(30 * DAY),
        created_by,
    }
}

fn fields(rules: &[(&str, FieldRule)]) -> GrantArguments {
    GrantArguments::Fields(rules.iter().map(|(name, rule)| ((*name).to_owned(), rule.clone())).collect())
}

#[test]
fn a_document_reads_back_as_it_was_written() {
    let document = world().add_grant(grant(fields(&[("to", FieldRule::Prefix("a@corp".into()))]))).unwrap().document;
    let bytes = document.encode().unwrap();
    assert_eq!(Authority::decode(&bytes).unwrap(), document);
    assert_eq!(Authority::decode(&bytes).unwrap().encode().unwrap(), bytes, "one form only");
    assert_eq!(document.digest().unwrap(), Authority::decode(&bytes).unwrap().digest().unwrap());
}

#[test]
fn a_document_of_another_form_or_with_unknown_parts_is_refused() {
    let good: serde_json::Value = serde_json::from_slice(&world().encode().unwrap()).unwrap();
    let decode = |value: &serde_json::Value| Authority::decode(value.to_string().as_bytes());
    let mut newer = good.clone();
    newer["v"] = json!(2);
    assert_eq!(decode(&newer).unwrap_err(), AuthorityError::NewerForm(2));
    for (pointer, name) in [("", "extra"), ("/agents/dev", "admin"), ("/servers/mail", "trusted")] {
        let mut bad = good.clone();
        bad.pointer_mut(pointer).unwrap()[name] = json!(true);
        assert!(matches!(decode(&bad), Err(AuthorityError::Form(_))), "{pointer}/{name}");
    }
    assert!(Authority::decode(b"{\"v\":1,\"v\":1}").is_err());
    assert!(Authority::decode(b"").is_err());
}

#[test]
fn every_change_increases_the_version_by_one_and_has_a_summary() {
    let before = world();
    let (mail, send): (ServerId, ToolName) = (id("mail"), id("send"));
    let changes = [
        (before.set_class(&mail, &send, Class::Read), "tool_class mail/send read"),
        (before.set_cost(&mail, &send, Some("0.01 USD".parse().unwrap())), "tool_cost mail/send 0.01 USD"),
        (before.set_server_enabled(&mail, false), "server_disabled mail"),
        (before.set_server_labels(&mail, Labels::NONE.with(Label::PrivateData)), "server_labels mail private_data"),
        (before.remove_pin(&mail, &send), "tool_removed mail/send"),
        (before.set_agent_disabled(&id("dev"), true), "agent_disabled dev"),
        (before.update_factor("pin-1", json!({})), "factor_updated pin-1"),
    ];
    for (change, line) in changes {
        let change = change.unwrap();
        assert_eq!(change.document.version, before.version + 1);
        assert_eq!(change.summary, [line]);
        assert_eq!(before, world(), "the old document is untouched");
    }
}

#[test]
fn changes_to_missing_things_are_refused() {
    let document = world();
    let unknown =
        |change: Result<AuthorityChange, AuthorityError>| matches!(change, Err(AuthorityError::Unknown { .. }));
    assert!(unknown(document.remove_agent(&id("nobody"))));
    assert!(unknown(document.remove_server(&id("nothing"))));
    assert!(unknown(document.set_class(&id("mail"), &id("nothing"), Class::Read)));
    assert!(unknown(document.remove_grant("g9")));
    assert!(unknown(document.remove_factor("nothing")));
    assert!(unknown(document.add_grant(Grant { agent: id("nobody"), ..grant(GrantArguments::exact(&json!({}))) })));
    let exists = |change: Result<AuthorityChange, AuthorityError>| matches!(change, Err(AuthorityError::Exists { .. }));
    assert!(exists(document.add_agent(id("dev"), Digest::sha256(b"u"), UnixMillis(0))));
    assert!(exists(document.add_server(id("mail"), http("https://x", vec![]))));
}

#[test]
fn two_agents_never_share_a_token() {
    assert!(world().add_agent(id("ops"), Digest::sha256(b"t"), UnixMillis(0)).is_err());
    let two = world().add_agent(id("ops"), Digest::sha256(b"u"), UnixMillis(0)).unwrap().document;
    assert_eq!(two.agent_by_token(&Digest::sha256(b"u")), Some(&id::<AgentId>("ops")));
    let off = two.set_agent_disabled(&id("ops"), true).unwrap().document;
    assert_eq!(off.agent_by_token(&Digest::sha256(b"u")), None);
}

#[test]
fn a_secret_that_a_server_uses_stays_and_each_value_is_bound() {
    let document = world();
    assert!(matches!(document.remove_secret(&id("mail-token")), Err(AuthorityError::Invalid { .. })));
    let renewed = document.set_secret(id("mail-token"), Digest::sha256(b"newer")).unwrap();
    assert_eq!(renewed.summary, ["secret_set mail-token 2"]);
    let without = document.remove_server(&id("mail")).unwrap().document;
    assert!(without.remove_secret(&id("mail-token")).unwrap().document.secrets.is_empty());
    let missing = http("https://x.example", vec![header("X-Key", "{secret}", Some("other"))]);
    let error = document.add_server(id("other"), missing).unwrap_err().to_string();
    assert!(error.contains("briefcase secret set other"), "{error}");
}

#[test]
fn the_last_factor_stays() {
    let document = world();
    assert_eq!(document.remove_factor("pin-1").unwrap_err(), AuthorityError::LastFactor);
    let second = Factor { id: "key".into(), kind: "passkey".into(), data: json!({}) };
    let two = document.add_factor(second).unwrap().document;
    assert_eq!(two.remove_factor("pin-1").unwrap().document.factors.len(), 1);
}

#[test]
fn attack_27_a_grant_is_narrow_and_ends() {
    let document = world();
    let refused = |grant: Grant| document.add_grant(grant).unwrap_err();
    let exact = || GrantArguments::exact(&json!({ "to": "a" }));
    assert!(document.add_grant(grant(exact())).is_ok());
    let too_broad = AuthorityError::Grant(GrantError::TooBroad);
    assert_eq!(refused(grant(fields(&[("to", FieldRule::Any), ("body", FieldRule::Any)]))), too_broad);
    let rule = |rule| refused(grant(fields(&[("to", rule)])));
    let bad_rule = AuthorityError::Grant(GrantError::Rule("to".into()));
    assert_eq!(rule(FieldRule::Prefix("a".into())), bad_rule);
    assert_eq!(rule(FieldRule::OneOf(vec![])), bad_rule);
    let expiry = AuthorityError::Grant(GrantError::Expiry);
    assert_eq!(refused(Grant { expires: UnixMillis(30 * DAY + 1), ..grant(exact()) }), expiry);
    assert_eq!(refused(Grant { expires: UnixMillis(0), ..grant(exact()) }), expiry);
    let elsewhere = refused(Grant { pin: Digest::sha256(b"two"), ..grant(exact()) });
    assert!(matches!(elsewhere, AuthorityError::Grant(GrantError::Pin(_))));
    assert!(matches!(
        refused(Grant { id: "a\u{202e}b".into(), ..grant(exact()) }),
        AuthorityError::Grant(GrantError::Id)
    ));
}

#[test]
fn attack_27_many_grants_never_add_up_to_a_wildcard() {
    let mut document = world();
    for number in 0..20 {
        let one =
            Grant { id: format!("g{number}"), ..grant(GrantArguments::exact(&json!({ "to": format!("p{number}") }))) };
        document = document.add_grant(one).unwrap().document;
    }
    let covered = |arguments: serde_json::Value, now| {
        let covers = |grant: &&Grant| {
            grant.covers(
                &id("dev"),
                &id("mail"),
                &id("send"),
                &Digest::sha256(b"one"),
                &arguments,
                None,
                UnixMillis(now),
            )
        };
        document.grants.iter().filter(covers).count()
    };
    assert_eq!(covered(json!({ "to": "p7" }), 0), 1);
    for other in [json!({ "to": "p20" }), json!({}), json!({ "to": "p7", "bcc": "x" }), json!(["p7"]), json!(null)] {
        assert_eq!(covered(other, 0), 0);
    }
    assert_eq!(covered(json!({ "to": "p7" }), 30 * DAY), 0, "the end is honoured");
}

#[test]
fn a_prefix_cannot_be_climbed_out_of() {
    let rule = fields(&[("path", FieldRule::Prefix("/home/me/project/".into()))]);
    assert!(rule.cover(&json!({ "path": "/home/me/project/src/a.rs" }), None));
    for out in [
        "/home/me/project/../.ssh/id",
        "/home/me/project/%2e%2E/x",
        "/home/me/secret",
        "/home/me/project/\u{202e}x",
        "",
    ] {
        assert!(!rule.cover(&json!({ "path": out }), None), "{out:?}");
    }
    let host = fields(&[("url", FieldRule::Prefix("https://api.example".into()))]);
    assert!(!host.cover(&json!({ "url": "https://api.example@evil.example/" }), None));
    assert!(!rule.cover(&json!({ "path": 5 }), None));
}

#[test]
fn accepting_a_changed_definition_or_restoring_voids_grants() {
    let document = world().add_grant(grant(GrantArguments::exact(&json!({})))).unwrap().document;
    let same = document.accept_pin(&id("mail"), id("send"), Digest::sha256(b"one")).unwrap();
    assert_eq!(same.document.grants.len(), 1);
    let changed = document.accept_pin(&id("mail"), id("send"), Digest::sha256(b"two")).unwrap();
    assert!(changed.document.grants.is_empty());
    assert_eq!(changed.summary.last().unwrap(), "grant_removed g1");
    let restored = document.restored(handle(2)).unwrap();
    assert!(restored.document.grants.is_empty());
    assert_ne!(restored.document.incarnation, document.incarnation);
    for gone in [document.remove_server(&id("mail")), document.remove_agent(&id("dev"))] {
        assert!(gone.unwrap().document.grants.is_empty());
    }
}

#[test]
fn transports_out_of_bounds_are_refused() {
    let document = world();
    let stdio = |argv: &[&str], env: &[(&str, &str)], cwd: Option<&str>| {
        let env = env.iter().map(|(key, value)| ((*key).to_owned(), EnvValue::Literal((*value).to_owned()))).collect();
        let argv = argv.iter().map(|part| (*part).to_owned()).collect();
        Server::new(Transport::Stdio { argv, env, cwd: cwd.map(str::to_owned) })
    };
    let long = "x".repeat(33 << 10);
    let bad = [
        http("ftp://x", vec![]),
        http("https://", vec![]),
        http("https:///path", vec![]),
        http("https://user:pw@host/", vec![]),
        http("https://host/\n", vec![]),
        http("https://h\u{43e}st/", vec![]),
        http("https://host", vec![header("X-Key", "{secret}", None)]),
        http("https://host", vec![header("X-Key", "abc", Some("key"))]),
        http("https://host", vec![header("X-Key", "{secret}{secret}", Some("key"))]),
        http("https://host", vec![header("X Key", "a", None)]),
        http("https://host", vec![header("X-Key", "a\r\nHost: evil", None)]),
        http("https://host", vec![header("hOst", "evil", None)]),
        http("https://host", vec![header("Mcp-Session-Id", "1", None)]),
        stdio(&[], &[], None),
        stdio(&[""], &[], None),
        stdio(&["x", "a\0b"], &[], None),
        stdio(&["x", &long], &[], None),
        stdio(&["x"], &[("LD_PRELOAD", "/tmp/evil.so")], None),
        stdio(&["x"], &[("A=B", "c")], None),
        stdio(&["x"], &[("A", "c\0")], None),
    ];
    for server in bad {
        let error = document.add_server(id("other"), server.clone()).unwrap_err();
        assert!(matches!(error, AuthorityError::Invalid { .. }), "{server:?}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
    assert!(document.add_server(id("other"), stdio(&["npx", "-y", "x"], &[("PATH", "/bin")], Some("/tmp"))).is_ok());
}

#[test]
fn budgets_out_of_bounds_are_refused() {
    let document = world();
    let budget = |scope: BudgetScope, limit: &str| Budget { scope, window: Window::Day, limit: limit.parse().unwrap() };
    let tool_alone = BudgetScope { tool: Some(id("send")), ..BudgetScope::default() };
    assert!(document.set_budget(budget(tool_alone, "5")).is_err());
    assert!(document.set_budget(budget(BudgetScope::default(), "0 USD")).is_err());
    let set = document.set_budget(budget(BudgetScope::default(), "5.00 USD")).unwrap().document;
    let set = set.set_budget(budget(BudgetScope::default(), "100 calls")).unwrap().document;
    let set = set.set_budget(budget(BudgetScope::default(), "6.00 USD")).unwrap().document;
    let limits: Vec<_> = set.budgets.iter().map(|budget| budget.limit.to_string()).collect();
    assert_eq!(limits, ["100 calls", "6.00 USD"], "the same counter is replaced, another unit is kept");
    assert!(set.remove_budget(&BudgetScope::default(), Window::Day).unwrap().document.budgets.is_empty());
    assert!(set.remove_budget(&BudgetScope::default(), Window::Hour).is_err());
}

#[test]
fn differences_show_what_changed_but_no_token_or_factor() {
    let old = world();
    let new = old.set_class(&id("mail"), &id("send"), Class::Read).unwrap().document;
    let new = new.add_agent(id("ops"), Digest::sha256(b"u"), UnixMillis(0)).unwrap().document;
    let new = new.update_factor("pin-1", json!({ "hash": "topsecret" })).unwrap().document;
    let shown = new.differences(&old);
    let paths: Vec<_> = shown.iter().map(|difference| difference.path.as_str()).collect();
    assert_eq!(paths, ["/agents/ops", "/factors/0/data/hash", "/servers/mail/pins/send/class"]);
    let text = serde_json::to_string(&shown).unwrap();
    assert!(!text.contains("topsecret") && !text.contains(&Digest::sha256(b"u").to_string()), "{text}");
}

#[test]
fn a_remote_server_starts_as_untrusted_and_external() {
    let document = world();
    let labels = document.labels(&id("mail"), Some(&id("send")));
    assert!(labels.contains(Label::UntrustedContent) && labels.contains(Label::External));
    assert!(!labels.seen().contains(Label::External));
    let private =
        document.set_labels(&id("mail"), &id("send"), Labels::NONE.with(Label::PrivateData)).unwrap().document;
    assert!(private.labels(&id("mail"), Some(&id("send"))).seen().is_tainted());
    assert!(!private.labels(&id("mail"), None).is_tainted());
    let secrets: Vec<_> =
        document.servers[&id::<ServerId>("mail")].transport.secrets().map(ToString::to_string).collect();
    assert_eq!(secrets, ["mail-token"]);
}

#[test]
fn settings_are_changed_by_name_and_unwritten_at_their_defaults() {
    let name: ServerId = "files".parse().unwrap();
    let server = http("https://a.example/mcp", vec![]);
    let before = Authority::empty(handle(1)).add_server(name.clone(), server).unwrap().document;
    let settings = ServerSettings { start_timeout_s: Some(120), ..Default::default() };
    let changed = before.set_server_settings(&name, settings).unwrap();
    assert_eq!(changed.summary, ["server_setting files start_timeout_s 120"]);
    assert_ne!(changed.document.digest(), before.digest());
    let back = changed.document.set_server_settings(&name, ServerSettings::default()).unwrap();
    assert_eq!(back.summary, ["server_setting files start_timeout_s default"]);
    assert!(!String::from_utf8(back.document.encode().unwrap()).unwrap().contains("settings"));
    let outside = ServerSettings { start_timeout_s: Some(0), ..Default::default() };
    let refused = before.set_server_settings(&name, outside).unwrap_err();
    assert_eq!(refused.to_string(), "server files, start_timeout_s: a start may take 1 to 900 seconds");
    let labels = before.set_settings(Settings { label_seconds: Some(7200) }).unwrap();
    assert_eq!(labels.summary, ["setting label_seconds 7200"]);
}

/// Attack 64: no grant lasts longer because the clock was wrong, whichever way it is corrected.
#[test]
fn an_accepted_clock_lengthens_no_grant() {
    let hour = Duration::from_secs(3600);
    let now = UnixMillis(1_795_253_400_000);
    let given = |id: &str, created: UnixMillis, lasts: Duration| Grant {
        id: id.into(),
        created,
        expires: created.plus(lasts),
        ..grant(GrantArguments::exact(&json!({ "to": "a" })))
    };
    for days in [2, 400] {
        let ahead = now.plus(hour * 24 * days);
        let mut document = world();
        document.grants = vec![
            given("expired", now, hour),
            given("expired_ahead", ahead.minus(hour * 2), hour),
            given("made_ahead", ahead.minus(hour), hour * 3),
            given("long", ahead.minus(hour * 24 * 20), hour * 24 * 30),
        ];
        let back = document.accept_clock(ahead, now).unwrap();
        let left: Vec<_> =
            back.document.grants.iter().map(|grant| (grant.id.as_str(), grant.expires.since(now))).collect();
        assert_eq!(left, [("made_ahead", hour * 2), ("long", hour * 24 * 10)]);
        assert!(back.document.grants.iter().all(|grant| grant.created <= now));
        assert_eq!(back.summary.len(), 3, "{:?}", back.summary);
        assert!(back.summary.iter().all(|line| !line.contains("Millis")));
        // A clock that is ahead ends grants by itself.
        let forward = document.accept_clock(now, ahead).unwrap();
        assert_eq!((forward.document.grants, forward.summary.len()), (document.grants.clone(), 1));
    }
}
