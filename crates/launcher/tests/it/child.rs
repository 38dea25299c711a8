//! A child gets exactly what its command names.

use std::path::PathBuf;

use briefcase_ports::Launcher as _;
use tokio::io::AsyncWriteExt as _;
use zeroize::Zeroizing;

use crate::{command, launch, launcher, output};

#[tokio::test]
async fn attack_09_program_arguments_environment_and_directory_are_exactly_the_commands() {
    let odd = "a b && $(id)\n\u{202e}\"x";
    let mut command = command(&["sh", "-c", r#"printf '%s|%s|%s|' "$0" "$1" "$PWD"; env"#, "zero", odd]);
    command.env.push(("ONLY".to_owned(), Zeroizing::new("x=y\n".to_owned())));
    command.cwd = PathBuf::from("/usr");
    let path = command.env[0].1.to_string();
    let mut child = launcher().launch(command).await.unwrap_or_else(|error| panic!("{error}"));
    let text = output(&mut child).await;
    let env = text.strip_prefix(&format!("zero|{odd}|/usr|")).unwrap_or_else(|| panic!("{text}"));
    // The shell itself sets PWD, and perhaps `_` and its depth.
    let foreign = |line: &&str| !["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own));
    let mut lines: Vec<&str> = env.lines().filter(|line| !line.is_empty()).filter(foreign).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["ONLY=x=y", &format!("PATH={path}")]);
}

#[tokio::test]
async fn a_child_reads_its_input_and_writes_to_both_outputs() {
    let mut child = launch(&["sh", "-c", "read -r line; echo \"got $line\"; echo log >&2"]).await;
    child.stdin.write_all(b"hello\n").await.unwrap();
    assert_eq!(output(&mut child).await, "got hello\n");
    let mut log = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut child.stderr, &mut log).await.unwrap();
    assert_eq!(log, "log\n");
    child.process.wait().await;
}

#[tokio::test]
async fn a_child_inherits_no_descriptor_but_its_streams() {
    // A descriptor that this process passes on to every program it starts.
    let open = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
    let script = "fd=0; while [ $fd -lt 256 ]; do [ -e /proc/$$/fd/$fd ] && printf '%s ' $fd; fd=$((fd+1)); done";
    let mut child = launch(&["sh", "-c", script]).await;
    assert_eq!(output(&mut child).await, "0 1 2 ");
    drop(open);
}

#[tokio::test]
async fn a_child_gets_the_soft_limit_for_open_files_and_keeps_the_hard_one() {
    for (limit, expected) in [(Some(300), "300"), (Some(u64::MAX), "hard"), (None, "own")] {
        let launcher = launcher().with_open_files(limit);
        let command = command(&["sh", "-c", "ulimit -Sn; ulimit -Hn"]);
        let mut child = launcher.launch(command).await.unwrap_or_else(|error| panic!("{error}"));
        let text = output(&mut child).await;
        let (soft, hard) = text.trim_end().split_once('\n').unwrap_or_else(|| panic!("{text}"));
        let ours = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let shown = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
        assert_eq!(hard, shown(ours.maximum));
        match expected {
            "hard" => assert_eq!(soft, hard),
            "own" => assert_eq!(soft, shown(ours.current)),
            soft_limit => assert_eq!(soft, soft_limit),
        }
    }
}

#[tokio::test]
async fn a_child_leads_a_session_and_a_group_of_its_own() {
    let mut child = launch(&["sh", "-c", "cat /proc/$$/stat; echo $$"]).await;
    let text = output(&mut child).await;
    let (stat, pid) = text.trim_end().rsplit_once('\n').unwrap();
    // After the name in brackets: state, parent, group, session, terminal.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    assert_eq!(fields[1], std::process::id().to_string(), "no process stays between");
    assert_eq!((fields[2], fields[3], fields[4]), (pid, pid, "0"), "group, session, no terminal");
}

#[tokio::test]
async fn signals_reach_the_whole_group() {
    let mut child = launch(&["sh", "-c", "sleep 1000 & echo $!; wait"]).await;
    let mut reader = tokio::io::BufReader::new(&mut child.stdout);
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.unwrap();
    let grandchild = crate::parent::Process::of(line.trim().parse().unwrap());
    child.process.terminate();
    grandchild.ends().await;
    child.process.wait().await;
}

#[tokio::test]
async fn a_dropped_child_is_killed() {
    let mut child = launch(&["sh", "-c", "echo $$; exec sleep 1000"]).await;
    let mut reader = tokio::io::BufReader::new(&mut child.stdout);
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.unwrap();
    let process = crate::parent::Process::of(line.trim().parse().unwrap());
    drop(child);
    process.ends().await;
}

#[tokio::test]
async fn a_child_outlives_the_thread_that_requested_it() {
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::spawn(move || runtime.block_on(launch(&["cat"])));
    let mut child = tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
    child.stdin.write_all(b"still here\n").await.unwrap();
    child.stdin = Box::new(tokio::io::sink());
    assert_eq!(output(&mut child).await, "still here\n");
}
