//! The program alone, as a person or a broken daemon would run it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect")]

use std::{
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, Stdio},
};

use briefcase_helper_protocol::{HEADER, HelperHello, PROTOCOL, encode, launch::LaunchReply, payload_length};

fn jail(stdin: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_briefcase-jail"));
    command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn started() -> (Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = jail(Stdio::from(OwnedFd::from(theirs)));
    (child, ours)
}

fn message(socket: &mut UnixStream) -> Vec<u8> {
    let mut header = [0; HEADER];
    socket.read_exact(&mut header).unwrap();
    let mut payload = vec![0; payload_length(header).unwrap()];
    socket.read_exact(&mut payload).unwrap();
    payload
}

fn log(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn run_by_hand_it_says_who_starts_it() {
    let text = log(jail(Stdio::null()));
    assert_eq!(text, "briefcase-jail: briefcased starts this program; it has no use of its own\n");
}

#[test]
fn it_says_hello_and_ends_with_the_socket() {
    let (child, mut socket) = started();
    let hello: HelperHello = serde_json::from_slice(&message(&mut socket)).unwrap();
    let expected = HelperHello {
        protocol: PROTOCOL,
        helper: "briefcase-jail".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    assert_eq!(hello, expected);
    drop(socket);
    assert_eq!(log(child), "", "a daemon that goes away is no error of the program");
}

#[test]
fn a_request_without_streams_is_rejected() {
    let (child, mut socket) = started();
    message(&mut socket);
    let mut frame = Vec::new();
    encode(&serde_json::json!({"argv": ["true"], "env": [], "cwd": "/"}), &mut frame).unwrap();
    socket.write_all(&frame).unwrap();
    let reply: LaunchReply = serde_json::from_slice(&message(&mut socket)).unwrap();
    assert_eq!(reply, Err(briefcase_helper_protocol::launch::LaunchFailure::Request));
    log(child);
}

#[test]
fn a_malformed_request_ends_the_program_and_is_not_repeated_in_its_log() {
    let (child, mut socket) = started();
    message(&mut socket);
    let mut frame = Vec::new();
    encode(&"canary-secret", &mut frame).unwrap();
    socket.write_all(&frame).unwrap();
    assert_eq!(log(child), "briefcase-jail: a message of the daemon is malformed\n");
}

#[test]
fn a_helper_whose_parent_is_not_its_daemon_ends() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    // A shell in between: the program's parent is the shell, the socket's other end is this test.
    let output = Command::new("sh")
        .args(["-c", r#""$0"; exit $?"#, env!("CARGO_BIN_EXE_briefcase-jail")])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    drop(ours);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "briefcase-jail: the daemon died\n");
}
