//! The standard streams: what another process of the same user can do with them.

use std::{fs::OpenOptions, io::ErrorKind, os::unix::fs::FileTypeExt as _};

use briefcase_ports::{LaunchedChild, Launcher as _};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};

use crate::{command, launch, launcher, output};

/// The number of a child that prints it, and the rest of its output.
async fn number(child: &mut LaunchedChild) -> i32 {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        line.push(child.stdout.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn attack_65_no_process_can_open_a_childs_input_or_output() {
    let mut child = launch(&["sh", "-c", "echo $$; exec cat"]).await;
    let pid = number(&mut child).await;
    for fd in [0, 1] {
        let path = format!("/proc/{pid}/fd/{fd}");
        assert!(std::fs::metadata(&path).unwrap().file_type().is_socket(), "{path}");
        for options in [
            OpenOptions::new().write(true).clone(),
            OpenOptions::new().append(true).clone(),
            OpenOptions::new().read(true).clone(),
            OpenOptions::new().read(true).write(true).clone(),
        ] {
            let error = options.open(&path).map(drop).unwrap_err();
            // ENXIO: a socket has no file that could be opened.
            assert_eq!(error.raw_os_error(), Some(6), "{path}: {error}");
        }
        for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
            let path = thread.path().join(format!("fd/{fd}"));
            assert!(OpenOptions::new().write(true).open(path).is_err());
        }
    }
    child.stdin.write_all(b"only ours\n").await.unwrap();
    child.stdin.shutdown().await.unwrap();
    assert_eq!(output(&mut child).await, "only ours\n");
}

#[tokio::test]
async fn the_unused_direction_of_each_stream_is_closed() {
    // Writing to the input fails; reading the output ends at once.
    let script = "trap '' PIPE; (echo x >&0) 2>/dev/null && echo written; cat <&1; echo end";
    let mut child = launch(&["sh", "-c", script]).await;
    assert_eq!(output(&mut child).await, "end\n");
}

#[tokio::test]
async fn standard_error_can_be_opened_by_path() {
    let mut child = launch(&["sh", "-c", "echo log > /dev/stderr; echo more > /proc/self/fd/2"]).await;
    let mut log = String::new();
    child.stderr.read_to_string(&mut log).await.unwrap();
    assert_eq!(log, "log\nmore\n");
}

#[tokio::test]
async fn a_program_that_opens_its_streams_by_path_needs_pipes() {
    for script in ["cat < /dev/stdin > /dev/stdout", "cat < /proc/self/fd/0", "cat > /dev/fd/1"] {
        for pipes in [false, true] {
            let mut command = command(&["sh", "-c", script]);
            command.pipes = pipes;
            let mut child = launcher().launch(command).await.unwrap_or_else(|error| panic!("{error}"));
            // A shell that cannot open its input has ended by now.
            let written = child.stdin.write_all(b"hello\n").await;
            assert!(written.is_ok() || written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe && !pipes));
            child.stdin = Box::new(tokio::io::sink());
            let text = output(&mut child).await;
            assert_eq!(text == "hello\n", pipes, "{script}: {text:?}");
            let mut log = String::new();
            child.stderr.read_to_string(&mut log).await.unwrap();
            assert_eq!(log.contains("No such device or address"), !pipes, "{script}: {log}");
        }
    }
}

#[tokio::test]
async fn descriptors_that_a_child_passes_along_are_dropped() {
    let script = "import os,socket,array
s=socket.socket(fileno=os.dup(1))
f=os.open('/dev/null',os.O_RDONLY)
for _ in range(20): s.sendmsg([b'x'],[(socket.SOL_SOCKET,socket.SCM_RIGHTS,array.array('i',[f]*16))])
s.sendall(b'\\n')";
    let mut command = command(&["python3", "-c", script]);
    command.pipes = false;
    let mut child = launcher().launch(command).await.expect("python3, which the checks need too");
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let mut line = String::new();
    tokio::io::BufReader::new(&mut child.stdout).read_line(&mut line).await.unwrap();
    assert_eq!(line, format!("{}\n", "x".repeat(20)));
    assert!(open() < before + 100, "descriptors were kept");
}
