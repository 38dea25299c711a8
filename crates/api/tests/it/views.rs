//! Responses to reading routes.

use briefcase_api::{
    AgentView, BudgetView, Check, FactorView, GrantView, Probe, ReceiptDetail, ReceiptPage, SecretView, ServerView,
    Status, ToolView, Why,
};

use crate::{filled, pinned};

#[test]
fn the_daemon() {
    pinned::<Status>(concat!(
        r#"{"version":"0.1.0","state":"ready","started":1,"authority_version":3,"receipts":9,"approvals":1,"sessions":2,"#,
        r#""servers":1,"console":"http://localhost:1"}"#
    ));
    pinned::<Status>(concat!(
        r#"{"version":"0.1.0","state":"failed","problem":{"code":"unavailable","message":"m","next_step":"n"},"started":1,"#,
        r#""authority_version":3,"receipts":9,"approvals":1,"sessions":2,"servers":1}"#
    ));
    pinned::<Check>(r#"{"name":"swap","severity":"warn","message":"m","next_step":"n"}"#);
    pinned::<Check>(r#"{"name":"swap","severity":"ok","message":"m"}"#);
    pinned::<Check>(r#"{"name":"record","severity":"fail","message":"m"}"#);
}

#[test]
fn lists() {
    pinned::<AgentView>(r#"{"name":"codex","created":1,"sessions":2,"labels":["untrusted_content"]}"#);
    pinned::<ServerView>(concat!(
        r#"{"name":"files","spec":{"transport":"stdio","argv":["a"],"env":{},"secret_env":{},"cwd":null},"enabled":true,"#,
        r#""tools":3,"connections":1,"reads_granted":false}"#
    ));
    pinned::<GrantView>(&filled(
        r#"{"id":"$I","agent":"codex","server":"files","tool":"read","fixed":{"path":{"equals":"x"}},"expires":1}"#,
    ));
    pinned::<BudgetView>(
        r#"{"scope":"agent codex","window":"day","limit":"5.00 USD","used":"1.00 USD","permille":200}"#,
    );
    pinned::<SecretView>(r#"{"name":"token","version":1,"used_by":["mail"]}"#);
    pinned::<FactorView>(r#"{"id":"f","kind":"pin","label":"","created":1}"#);
}

#[test]
fn tools() {
    let tool = concat!(
        r#"{"server":"files","name":"write","state":"changed","class":"write","risk":"high","cost":"0.01 USD","summary":"s","#,
        r#""hints":["readOnlyHint=true"],"flags":["Imperative"],"differences":[{"path":"/description","old":"\"a\"","#,
        r#""new":"\"b\""},{"path":"/title","new":"\"c\""}]}"#
    );
    pinned::<ToolView>(tool);
    pinned::<ToolView>(&tool.replace(r#""cost":"0.01 USD","#, ""));
    let probe = r#"{"digest":"$D","protocol":"2025-11-25","calls_itself":"files 1","tools":["#.to_owned()
        + tool
        + r#"],"resources":1,"prompts":2,"took_ms":3}"#;
    pinned::<Probe>(&filled(&probe));
}

#[test]
fn receipts() {
    let row = r#"{"id":"r7","receipt":{"at":1,"k":"start"}}"#;
    pinned::<ReceiptPage>(&format!(r#"{{"receipts":[{row}],"size":8,"next":7}}"#));
    pinned::<ReceiptPage>(r#"{"receipts":[],"size":0}"#);
    let proof = r#""proof":{"leaf":"$D","path":["$D"],"checkpoint":"c","text":"t"}"#;
    pinned::<ReceiptDetail>(&filled(&format!(
        r#"{{"id":"r7","receipt":{{"at":1,"k":"intent"}},"opening":{{"arguments":{{}}}},"related":[{row}],{proof}}}"#
    )));
    pinned::<ReceiptDetail>(&filled(&format!(r#"{{"id":"r7","receipt":{{"at":1}},"related":[],{proof}}}"#)));
    let policies = r#"[{"id":"no-keys","line":3,"text":"forbid …"},{"id":"old","text":"no longer in the policy"}]"#;
    pinned::<Why>(&format!(r#"{{"id":"r7","summary":"s","policies":{policies},"approvals":[{row}]}}"#));
}
