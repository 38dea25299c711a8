//! Requests, and the responses to them.

use briefcase_api::{
    Applied, Apply, Backup, Bound, Change, Confidential, ConsoleCode, ConsoleLogin, ConsoleSession, Decide, Decided,
    DecisionOnly, Evidence, Look, PasskeyOffer, PasskeyOfferView, PolicyReport, PolicyTest, PolicyTestReport,
    PolicyText, Preview, Problem, ReceiptQuery, ServerSpec, Unlock, WebAuthnOptions,
};
use briefcase_types::ApprovalRequest;

use crate::{filled, pinned, read_as, rejected};

const DECISIONS: [&str; 5] = [
    r#"{"decision":"deny"}"#,
    r#"{"decision":"allow","scope":"once"}"#,
    r#"{"decision":"allow","scope":"session_exact"}"#,
    r#"{"decision":"allow","scope":"session_tool"}"#,
    r#"{"decision":"allow","scope":"rule","fixed":["path"],"seconds":86400}"#,
];

#[test]
fn approvals() {
    let request = concat!(
        r#"{"id":"$I","agent":"codex","session":"$I","server":"files","operation":"call_tool","name":"write","pin":"$D","#,
        r#""arguments":"{\"path\":\"x\"}","cost":"0.01 USD","class":"write","risk":"high","labels":["private_data"],"#,
        r#""policies":["other-calls-ask"],"authority_version":3,"once_only":false,"asked":1,"expires":2,"digest":"$D"}"#
    );
    pinned::<ApprovalRequest>(&filled(request));
    pinned::<ApprovalRequest>(&filled(&request.replace(r#""cost":"0.01 USD","#, "")));
    let with_beside = request.replace(r#""cost":"#, r#""beside":"{\"task\":{\"ttl\":1}}","cost":"#);
    pinned::<ApprovalRequest>(&filled(&with_beside));
    for decision in DECISIONS {
        pinned::<DecisionOnly>(decision);
        let decide = format!(r#"{{"shown":"$D","decision":{decision},"evidence":{{"pin":"271828"}}}}"#);
        pinned::<Decide>(&filled(&decide));
    }
    for unclear in [
        r#"{"decision":"maybe"}"#,
        r#"{"decision":"allow"}"#,
        r#"{"decision":"allow","scope":"ever"}"#,
        r#"{"decision":"allow","scope":"rule","fixed":["path"]}"#,
    ] {
        rejected::<DecisionOnly>(unclear);
    }
    pinned::<Bound>(&filled(r#"{"digest":"$D"}"#));
    pinned::<Decided>(r#"{"decision":"approved","receipt":"r7"}"#);
    pinned::<Decided>(r#"{"decision":"denied","receipt":"r7"}"#);
}

#[test]
fn evidence() {
    pinned::<Evidence>(r#"{"pin":"271828"}"#);
    pinned::<Evidence>(r#"{"passkey":{"id":"a","response":{}}}"#);
    rejected::<Evidence>(r#"{"none":true}"#);
}

#[test]
fn changes() {
    for change in [
        r#"{"change":"add_agent","name":"codex"}"#,
        r#"{"change":"set_server","name":"files","settings":{}}"#,
        r#"{"change":"set_server","name":"files","settings":{"message_bytes":67108864,"pipes":true}}"#,
        r#"{"change":"set_settings","settings":{"label_seconds":7200}}"#,
        r#"{"change":"remove_agent","name":"codex"}"#,
        concat!(
            r#"{"change":"add_server","name":"files","spec":{"transport":"http","url":"https://a.example/mcp","headers":[]},"#,
            r#""probe":"$D","reads":["read"],"reads_granted":true}"#
        ),
        r#"{"change":"remove_server","name":"files"}"#,
        r#"{"change":"enable_server","name":"files","enabled":false}"#,
        r#"{"change":"accept_tools","server":"files","probe":"$D","tools":["read"]}"#,
        r#"{"change":"set_tool","server":"files","tool":"read","class":"read","cost":null,"labels":["private_data"]}"#,
        r#"{"change":"set_policy","text":"permit (principal, action, resource);"}"#,
        r#"{"change":"set_budget","agent":"codex","server":null,"tool":null,"window":"day","limit":"100"}"#,
        r#"{"change":"set_secret","name":"token","value":"s3cret"}"#,
        r#"{"change":"remove_secret","name":"token"}"#,
        r#"{"change":"revoke_grant","id":"g"}"#,
        r#"{"change":"add_passkey","label":"laptop","credential":null}"#,
        r#"{"change":"set_pin","pin":"271828"}"#,
        r#"{"change":"remove_factor","id":"f"}"#,
        r#"{"change":"set_passphrase","passphrase":"words"}"#,
    ] {
        let change = filled(change);
        pinned::<Change>(&change);
        pinned::<Apply>(&filled(&format!(r#"{{"change":{change},"digest":"$D","evidence":{{"pin":"271828"}}}}"#)));
    }
    rejected::<Change>(r#"{"change":"add_agent","name":"codex","token":"mine"}"#);
    // Optional members may be left out of a request.
    read_as::<Change>(
        r#"{"change":"set_budget","window":"day"}"#,
        r#"{"change":"set_budget","agent":null,"server":null,"tool":null,"window":"day","limit":null}"#,
    );
    pinned::<Preview>(&filled(r#"{"digest":"$D","lines":["agent_added-codex"],"from_version":3}"#));
    pinned::<Applied>(r#"{"version":4,"receipt":"r9"}"#);
    pinned::<Applied>(r#"{"version":4,"receipt":"r9","token":"bc_a"}"#);
}

#[test]
fn servers() {
    let stdio =
        r#"{"transport":"stdio","argv":["npx","files"],"env":{"A":"b"},"secret_env":{"T":"token"},"cwd":"/tmp"}"#;
    let http = concat!(
        r#"{"transport":"http","url":"https://a.example/mcp","headers":[{"name":"authorization","value":"Bearer {secret}","#,
        r#""secret":"token"},{"name":"x-a","value":"b"}]}"#
    );
    for spec in [stdio, http] {
        pinned::<ServerSpec>(spec);
        pinned::<Look>(spec);
        pinned::<Look>(&format!(r#"{{"spec":{spec},"evidence":{{"pin":"271828"}}}}"#));
    }
    read_as::<ServerSpec>(
        r#"{"transport":"stdio","argv":["a"]}"#,
        r#"{"transport":"stdio","argv":["a"],"env":{},"secret_env":{},"cwd":null}"#,
    );
    read_as::<ServerSpec>(r#"{"transport":"http","url":"u"}"#, r#"{"transport":"http","url":"u","headers":[]}"#);
    rejected::<ServerSpec>(r#"{"transport":"stdio","argv":["a"],"shell":true}"#);
    rejected::<ServerSpec>(r#"{"transport":"pigeon"}"#);
}

#[test]
fn passkeys() {
    pinned::<WebAuthnOptions>(r#"{"publicKey":{"challenge":"AA"}}"#);
    pinned::<PasskeyOffer>(r#"{"label":"laptop","credential":{"id":"a"}}"#);
    rejected::<PasskeyOffer>(r#"{"label":"laptop","credential":{},"code":"mine"}"#);
    pinned::<PasskeyOfferView>(r#"{"label":"laptop","code":"AAAA BBBB CCCC"}"#);
}

#[test]
fn the_vault_and_the_console() {
    pinned::<Unlock>(r#"{"passphrase":"words"}"#);
    pinned::<Unlock>(r#"{"unlock_key":"AAAA"}"#);
    pinned::<Backup>(r#"{"passphrase":"words","evidence":{"pin":"271828"}}"#);
    pinned::<ConsoleLogin>(r##"{"url":"http://localhost:1/#code=a"}"##);
    pinned::<ConsoleCode>(r#"{"code":"a"}"#);
    pinned::<ConsoleSession>(r#"{"token":"a"}"#);
    pinned::<Problem>(r#"{"code":"wrong_pin","message":"The PIN is wrong.","next_step":"Try again."}"#);
}

#[test]
fn policy() {
    pinned::<PolicyText>(r#"{"text":"","schema":"entity A;"}"#);
    pinned::<PolicyText>(r#"{"text":""}"#);
    pinned::<PolicyReport>(r#"{"ok":false,"problems":["line 1"],"policies":[],"replay":[]}"#);
    pinned::<PolicyTest>(concat!(
        r#"{"text":null,"cases":[{"name":"a","agent":"codex","server":"files","tool":"read","arguments":{"path":"x"},"#,
        r#""labels":["private_data"],"expect":"ask"}]}"#
    ));
    read_as::<PolicyTest>(
        r#"{"cases":[{"name":"a","agent":"b","server":"c","tool":"d","expect":"allow"}]}"#,
        concat!(
            r#"{"text":null,"cases":[{"name":"a","agent":"b","server":"c","tool":"d","arguments":null,"labels":[],"#,
            r#""expect":"allow"}]}"#
        ),
    );
    pinned::<PolicyTestReport>(
        r#"{"results":[{"name":"a","expect":"ask","got":"deny","policies":["no-keys"]}],"failed":1}"#,
    );
}

#[test]
fn a_query_for_receipts() {
    pinned::<ReceiptQuery>(
        r#"{"before":9,"limit":50,"agent":"codex","server":null,"tool":null,"kind":"refusal","code":"denied","since":1}"#,
    );
    read_as::<ReceiptQuery>(
        "{}",
        r#"{"before":null,"limit":null,"agent":null,"server":null,"tool":null,"kind":null,"code":null,"since":null}"#,
    );
}

#[test]
fn the_daemon_reads_the_bodies_that_hold_secrets() {
    let decide = filled(r#"{"shown":"$D","decision":{"decision":"deny"},"evidence":{"pin":"271828"}}"#);
    let decide: Decide<Confidential> = serde_json::from_str(&decide).unwrap();
    let Evidence::Pin(pin) = decide.evidence else { panic!("no PIN") };
    assert!(pin.into_secret().expose(|pin| pin == "271828"));
}
