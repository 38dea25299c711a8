//! The help text of every command, as a snapshot.

use briefcase_testkit::TempHome;

use crate::run;

const COMMANDS: [&str; 61] = [
    "",
    "demo",
    "setup",
    "up",
    "down",
    "unlock",
    "lock",
    "status",
    "doctor",
    "agent",
    "agent add",
    "agent list",
    "agent remove",
    "server",
    "server add",
    "server list",
    "server test",
    "server accept",
    "server set",
    "server remove",
    "server enable",
    "server disable",
    "tools",
    "tool",
    "tool set",
    "policy",
    "policy show",
    "policy edit",
    "policy set",
    "policy check",
    "policy test",
    "policy why",
    "settings",
    "settings show",
    "settings set",
    "why",
    "approvals",
    "approvals list",
    "approve",
    "deny",
    "budget",
    "clock",
    "clock show",
    "clock accept",
    "budget set",
    "grants",
    "receipts",
    "receipts list",
    "receipts show",
    "receipts verify",
    "receipts export",
    "receipts proof",
    "secret",
    "factor",
    "enclave",
    "enclave verify",
    "enclave watch",
    "console",
    "backup",
    "restore",
    "fsck",
];

#[test]
fn every_command_explains_itself_with_an_example() {
    let home = TempHome::new();
    let mut all = String::new();
    for command in COMMANDS {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let ran = run(&home, &args);
        assert_eq!((ran.code(), ran.err().as_str()), (0, ""), "{command}");
        let help = ran.out();
        assert!(help.contains("Example") || command.is_empty(), "{command} has no example:\n{help}");
        all.push_str(&format!("==== briefcase {command}\n{help}\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_listed_command_is_in_the_snapshot() {
    let home = TempHome::new();
    let listed = run(&home, &["--help"]).out();
    let commands = listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in commands {
        let name = line.split_whitespace().next().expect("a name");
        assert!(COMMANDS.contains(&name) || matches!(name, "completions" | "man"), "{name} is not in the list");
    }
}

#[test]
fn completions_and_manual_pages_cover_every_command() {
    let home = TempHome::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&home, &["completions", shell]);
        assert!(script.code() == 0 && script.out().contains("approvals"), "{shell}: {}", script.err());
    }
    assert_eq!(run(&home, &["completions", "csh"]).code(), 2);
    let dir = home.file("man");
    assert_eq!(run(&home, &["man", &dir.display().to_string()]).code(), 0);
    for page in ["briefcase.1", "briefcase-server-add.1", "briefcase-receipts-verify.1"] {
        let text = std::fs::read_to_string(dir.join(page)).expect(page);
        assert!(text.contains("EXIT CODES") && text.contains("briefcase"), "{page}");
    }
}
