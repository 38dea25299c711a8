//! Typing a PIN: never shown, never read from a pipe, and the terminal is restored afterwards.

use briefcase_testkit::TempHome;
use serde_json::{Value, json};

use crate::{pty::Terminal, stub::Stub};

const DIGEST: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

/// A stub daemon that accepts the PIN `271828`.
fn daemon(home: &TempHome) -> Stub {
    Stub::serve(home, |request, body| match request {
        "POST /v1/changes/preview" => {
            (200, json!({ "digest": DIGEST, "lines": ["agent_removed-codex\u{1b}[1A"], "from_version": 4 }))
        }
        "POST /v1/changes" if body["evidence"]["pin"] == "271828" => (200, json!({ "version": 5, "receipt": "r9" })),
        "POST /v1/changes" => (
            403,
            json!({ "code": "wrong_pin", "message": "The PIN is wrong; 4 attempts left.", "next_step": "Type the PIN again." }),
        ),
        "GET /v1/approvals" => (200, json!([question()])),
        _ => (200, json!({ "decision": "approved", "receipt": "r12" })),
    })
}

fn question() -> Value {
    json!({
        "id": "AAAAAAAAAAAAAAAAAAAAAA", "agent": "codex", "session": "AAAAAAAAAAAAAAAAAAAAAQ", "server": "files",
        "operation": "call_tool", "name": "write_file", "pin": DIGEST, "arguments": "{\"path\":\"/tmp/a\u{202e}b\"}",
        "class": "write", "risk": "high", "labels": [], "policies": ["other-calls-ask"], "authority_version": 3,
        "once_only": false, "asked": 0, "expires": 4_102_444_800_000_u64, "digest": DIGEST,
    })
}

#[test]
fn a_pin_is_never_on_the_screen_and_may_be_typed_again() {
    let home = TempHome::new();
    let stub = daemon(&home);
    let mut terminal = Terminal::start(&home, &["agent", "remove", "codex"]);
    terminal.expect("agent_removed-codex\\u{1b}[1A");
    terminal.expect("PIN to apply this");
    terminal.send("314159\r");
    terminal.expect("4 attempts left");
    terminal.expect("PIN to apply this");
    // A slip of the finger, rubbed out; an arrow key.
    terminal.send("2719\u{7f}\u{1b}[D828\r");
    terminal.expect("recorded as r9");
    assert_eq!(terminal.ended(), 0);
    for pin in ["314159", "271828", "2719", "828"] {
        assert!(!terminal.screen().contains(pin), "{}", terminal.screen());
    }
    assert_eq!(stub.body("POST /v1/changes")["digest"], DIGEST);
    assert!(terminal.is_sane());
}

#[test]
fn a_secret_is_sent_once_with_the_pin_and_not_in_the_preview() {
    let home = TempHome::new();
    let stub = daemon(&home);
    let mut terminal = Terminal::start(&home, &["secret", "set", "github"]);
    terminal.expect("Value of `github`");
    terminal.send("ghp_canary_value\r");
    terminal.expect("PIN to apply this");
    assert!(!stub.body("POST /v1/changes/preview").to_string().contains("canary"));
    assert!(stub.requests().iter().all(|request| request != "POST /v1/changes"));
    terminal.send("271828\r");
    terminal.expect("is in the vault");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(stub.body("POST /v1/changes")["change"]["value"], "ghp_canary_value");
    assert!(!terminal.screen().contains("canary"));
}

#[test]
fn ctrl_c_and_an_empty_pin_change_nothing() {
    for keys in ["27\u{3}", "\r", "\u{4}"] {
        let home = TempHome::new();
        let stub = daemon(&home);
        let mut terminal = Terminal::start(&home, &["agent", "remove", "codex"]);
        terminal.expect("PIN to apply this");
        assert!(!terminal.is_sane(), "keys are not echoed now");
        terminal.send(keys);
        assert_eq!(terminal.ended(), 130);
        assert!(terminal.is_sane());
        assert!(stub.requests().iter().all(|request| request != "POST /v1/changes"));
    }
}

#[test]
fn a_pin_is_not_read_from_a_pipe() {
    let home = TempHome::new();
    let stub = daemon(&home);
    let file = home.file("pins");
    std::fs::write(&file, "271828\n271828\n").expect("a file");
    // The session keeps its terminal; only stdin is a file.
    let script = "pins=$1; shift; exec \"$@\" < \"$pins\"";
    let wrapper = ["sh", "-c", script, "sh", file.to_str().expect("text")];
    let mut terminal = Terminal::start_under(&home, &wrapper, &["agent", "remove", "codex"]);
    terminal.expect("PIN to apply this");
    assert!(stub.requests().iter().all(|request| request != "POST /v1/changes"));
    terminal.send("271828\r");
    terminal.expect("recorded as r9");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_request_is_decided_with_a_key_and_the_pin() {
    let home = TempHome::new();
    let stub = daemon(&home);
    let mut terminal = Terminal::start(&home, &["approvals"]);
    terminal.expect("codex");
    terminal.expect("\"path\"");
    terminal.expect("/tmp/a\\u{202e}b");
    terminal.expect("[d]eny");
    terminal.send("xs");
    terminal.expect("PIN to allow files/write_file with exactly these arguments");
    terminal.send("271828\r");
    terminal.expect("approved, recorded as r12");
    // The stub never closes the request, so it is shown again.
    terminal.expect("[d]eny");
    terminal.send("q");
    assert_eq!(terminal.ended(), 0);
    let body = stub.body("POST /v1/approvals/AAAAAAAAAAAAAAAAAAAAAA/decide");
    assert_eq!(body["decision"], json!({ "decision": "allow", "scope": "session_exact" }));
    assert_eq!((&body["shown"], &body["evidence"]["pin"]), (&json!(DIGEST), &json!("271828")));
}

#[test]
fn a_saved_approval_fixes_the_named_arguments() {
    let home = TempHome::new();
    let stub = daemon(&home);
    let mut terminal = Terminal::start(&home, &["approvals"]);
    terminal.expect("[d]eny");
    terminal.send("r");
    terminal.expect("Only when these arguments match");
    terminal.send("pth\r");
    terminal.expect("no argument `pth`");
    terminal.expect("Only when these arguments match");
    terminal.send("path\r");
    terminal.expect("For how long");
    terminal.send("2h\r");
    terminal.expect("PIN to allow codex to call files/write_file with the same path for 7200 s");
    terminal.send("271828\r");
    terminal.expect("approved");
    terminal.expect("[d]eny");
    terminal.send("\u{3}");
    assert_eq!(terminal.ended(), 130);
    let body = stub.body("POST /v1/approvals/AAAAAAAAAAAAAAAAAAAAAA/decide");
    assert_eq!(body["decision"], json!({ "decision": "allow", "scope": "rule", "fixed": ["path"], "seconds": 7200 }));
}

#[test]
fn approve_and_deny_show_the_request_first() {
    for (command, word) in [("approve", "allow files/write_file this once"), ("deny", "deny files/write_file")] {
        let home = TempHome::new();
        let _stub = daemon(&home);
        let mut terminal = Terminal::start(&home, &[command, "AAAAAAAAAAAAAAAAAAAAAA"]);
        terminal.expect("/tmp/a\\u{202e}b");
        terminal.expect(word);
        terminal.send("271828\r");
        terminal.expect("r12");
        assert_eq!(terminal.ended(), 0);
    }
    let home = TempHome::new();
    let _stub = daemon(&home);
    let mut terminal = Terminal::start(&home, &["deny", "AAAAAAAAAAAAAAAAAAAAAQ"]);
    terminal.expect("No pending approval request");
    assert_eq!(terminal.ended(), 6);
}

#[test]
fn a_passkey_of_the_browser_is_confirmed_at_the_terminal() {
    let home = TempHome::new();
    let looked = std::sync::atomic::AtomicUsize::new(0);
    let stub = Stub::serve(&home, move |request, _| match request {
        "POST /v1/console/login" => (200, json!({ "url": "http://localhost:4483/#code=abc" })),
        "GET /v1/passkey/offer" if looked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 => {
            (404, json!({ "code": "not_found", "message": "Not yet.", "next_step": "" }))
        }
        "GET /v1/passkey/offer" => (200, json!({ "code": "K7QF-2M9D-XW4T", "label": "lap\u{202e}top" })),
        "POST /v1/changes/preview" => (200, json!({ "digest": DIGEST, "lines": ["passkey_added"], "from_version": 4 })),
        _ => (200, json!({ "version": 5, "receipt": "r9" })),
    });
    let mut terminal = Terminal::start(&home, &["factor", "add", "passkey", "--print"]);
    terminal.expect("http://localhost:4483/security?enrol#code=abc");
    terminal.expect("lap\\u{202e}top");
    terminal.expect("PIN to apply this");
    terminal.send("271828\r");
    terminal.expect("can now approve requests");
    assert_eq!(terminal.ended(), 0);
    let body = stub.body("POST /v1/changes");
    assert_eq!(body["change"]["change"], "add_passkey");
    assert_eq!(body["change"]["credential"], Value::Null);
}
