//! A first day with the real daemon: set up, add a secret and an agent, verify, stop.

use briefcase_testkit::{TempHome, program};
use serde_json::{Value, json};

use crate::{pty::Terminal, run};

pub const PIN: &str = "bluff-77-gravel";
const PASSPHRASE: &str = "correct horse battery staple";

/// Stops the daemon however the test ends.
pub struct Running<'a>(&'a TempHome);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        run(self.0, &["down"]);
    }
}

/// Sets up a home with a passphrase, at a terminal.
pub fn set_up(home: &TempHome) -> Running<'_> {
    program("briefcased");
    let mut terminal = Terminal::start(home, &["setup", "--passphrase", "--console-port", "0"]);
    terminal.expect("Passphrase");
    terminal.send(&format!("{PASSPHRASE}\r"));
    terminal.expect("Confirm:");
    terminal.send(&format!("{PASSPHRASE}\r"));
    terminal.expect("New PIN");
    terminal.send(&format!("{PIN}\r"));
    terminal.expect("Confirm:");
    terminal.send("something else\r");
    terminal.expect("do not match");
    terminal.expect("New PIN");
    terminal.send(&format!("{PIN}\r"));
    terminal.expect("Confirm:");
    terminal.send(&format!("{PIN}\r"));
    terminal.expect("briefcased is running: ready");
    terminal.expect("claude mcp add --scope user briefcase");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    for secret in [PASSPHRASE, PIN] {
        assert!(!terminal.screen().contains(secret));
    }
    Running(home)
}

/// Types the PIN for a change, and waits until it is applied.
pub fn change(home: &TempHome, args: &[&str], shown: &str, done: &str) {
    let mut terminal = Terminal::start(home, args);
    terminal.expect(shown);
    terminal.expect("PIN to apply this");
    terminal.send(&format!("{PIN}\r"));
    terminal.expect(done);
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
}

/// The JSON output of a command.
pub fn json_of(home: &TempHome, args: &[&str]) -> Value {
    let ran = run(home, &[&["--json"], args].concat());
    serde_json::from_str(&ran.out()).unwrap_or_else(|_| panic!("{args:?}: {}{}", ran.out(), ran.err()))
}

#[test]
fn a_first_day() {
    let home = TempHome::new();
    let _running = set_up(&home);
    assert_eq!(json_of(&home, &["status"])["state"], "ready");
    assert_eq!(run(&home, &["setup"]).code(), 7, "it is running");

    assert!(json_of(&home, &["doctor"]).as_array().is_some_and(|checks| checks.len() > 3));
    let mut terminal = Terminal::start(&home, &["server", "add", "mock", "--", "/bin/cat"]);
    terminal.expect("Start this program now");
    terminal.send("n\r");
    assert_eq!(terminal.ended(), 130, "{}", terminal.screen());
    assert_eq!(json_of(&home, &["server", "list"]), json!([]));

    let mut terminal = Terminal::start(&home, &["secret", "set", "github"]);
    terminal.expect("Value of `github`");
    terminal.send("ghp_canary_value\r");
    terminal.expect("PIN to apply this");
    terminal.send(&format!("{PIN}\r"));
    terminal.expect("is in the vault");
    assert_eq!(terminal.ended(), 0);
    assert!(!terminal.screen().contains("ghp_canary_value"));
    assert_eq!(json_of(&home, &["secret", "list"])[0]["name"], "github");

    let mut terminal = Terminal::start(&home, &["agent", "add", "codex"]);
    terminal.expect("PIN to apply this");
    terminal.send(&format!("{PIN}\r"));
    terminal.expect("Agent `codex` added");
    assert_eq!(terminal.ended(), 0);
    let token = std::fs::read_to_string(home.config().join("agents/codex.token")).expect("a token file");
    assert!(token.starts_with("bca_") && !terminal.screen().contains(&token));

    let verified = json_of(&home, &["receipts", "verify"]);
    assert_eq!((&verified["verified"], &verified["key_from"]), (&json!(true), &json!("daemon")));
    let rows = json_of(&home, &["receipts", "list", "--kind", "change"]);
    assert_eq!(rows["receipts"][0]["receipt"]["factor"], "pin");
    offline(&home);

    assert_eq!(run(&home, &["down"]).code(), 0);
    assert_eq!(run(&home, &["status"]).code(), 3);
    let checked = json_of(&home, &["fsck"]);
    assert_eq!(checked["clean"], true, "{checked}");
    again(&home);
}

/// An export verifies without a daemon, and so does the proof of one receipt.
fn offline(home: &TempHome) {
    let folder = home.file("export");
    let folder = folder.to_str().expect("text");
    assert_eq!(run(home, &["receipts", "export", folder]).code(), 0);
    assert_eq!(run(home, &["receipts", "export", folder]).code(), 2, "it is not empty any more");
    let key = json_of(home, &["receipts", "verify", "--print-key"])["key"].as_str().expect("a key").to_owned();
    let elsewhere = TempHome::new();
    assert_eq!(run(&elsewhere, &["receipts", "verify", folder, "--key", &key]).code(), 0);
    let proof = home.file("proof");
    let file = |name: &str| proof.join(name).to_str().expect("text").to_owned();
    assert_eq!(run(home, &["receipts", "proof", "r1", "--out", proof.to_str().expect("text")]).code(), 0);
    let check = |receipt: &str| {
        let args = ["receipts", "verify", "--proof", &file("r1.tlog-proof"), "--receipt", receipt, "--key", &key];
        run(&elsewhere, &args).code()
    };
    assert_eq!(check(&file("r1.json")), 0);
    let changed = std::fs::read_to_string(file("r1.json")).expect("a receipt").replace("\"new\"", "\"old\"") + " ";
    std::fs::write(file("changed.json"), changed).expect("written");
    assert_eq!(check(&file("changed.json")), 1);
}

/// A wrong passphrase is refused and the right one unlocks. A locked daemon refuses lists.
fn again(home: &TempHome) {
    let mut terminal = Terminal::start(home, &["up", "--console-port", "0"]);
    terminal.expect("Passphrase or unlock key");
    terminal.send("wrong words entirely\r");
    terminal.expect("wrong_key");
    terminal.expect("Passphrase or unlock key");
    terminal.send(&format!("{PASSPHRASE}\r"));
    terminal.expect("briefcased is running: ready");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(run(home, &["up"]).code(), 7, "one daemon is enough");
    assert_eq!(json_of(home, &["lock"])["state"], "locked");
    assert_eq!(run(home, &["agent", "list"]).code(), 4);
}

#[test]
fn a_locked_briefcase_opens_again() {
    let home = TempHome::new();
    let _running = set_up(&home);
    assert_eq!(json_of(&home, &["lock"])["state"], "locked");
    let file = home.file("key");
    std::fs::write(&file, format!("{PASSPHRASE}\n")).expect("written");
    assert_eq!(json_of(&home, &["unlock", "--key-file", file.to_str().expect("text")])["state"], "ready");
}

#[test]
fn a_generated_key_is_shown_once_and_must_be_confirmed() {
    let home = TempHome::new();
    program("briefcased");
    let _running = Running(&home);
    let mut terminal = Terminal::start(&home, &["setup", "--console-port", "0"]);
    terminal.expect("[g]enerated key");
    terminal.send("g");
    for _ in 0..2 {
        terminal.expect(": ");
    }
    terminal.send(&format!("{PIN}\r"));
    terminal.expect("Confirm:");
    terminal.send(&format!("{PIN}\r"));
    terminal.expect("BRIEFCASE-");
    terminal.expect("Enter the last group");
    terminal.send("AAAAAAA\r");
    terminal.expect("not the last group");
    let screen = terminal.screen();
    let key = screen.split_whitespace().find(|word| word.starts_with("BRIEFCASE-")).expect("a key").to_owned();
    terminal.expect("Enter the last group");
    terminal.send(&format!("{}\r", key.rsplit('-').next().expect("a group").to_lowercase()));
    terminal.expect("briefcased is running: ready");
    assert_eq!(terminal.ended(), 0);
    let everywhere = home.all_bytes();
    assert!(everywhere.iter().all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains(&key)), "it is in a file");
}

#[test]
fn cancelling_before_the_key_is_confirmed_reports_the_new_briefcase() {
    let home = TempHome::new();
    program("briefcased");
    let mut terminal = Terminal::start(&home, &["setup", "--generated-key"]);
    for _ in 0..2 {
        terminal.expect(": ");
        terminal.send(&format!("{PIN}\r"));
    }
    terminal.expect("Enter the last group");
    terminal.send("\u{3}");
    terminal.expect("the unlock key was not confirmed");
    assert_eq!(terminal.ended(), 1);
    assert_eq!(run(&home, &["setup"]).code(), 7, "there is one now");
}
