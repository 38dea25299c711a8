//! Support for tests that prove nothing as root, because modes, limits and `ptrace` rules do not apply to root.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::program;

/// The user and group `nobody`.
const NOBODY: u32 = 65534;

/// As root: runs the test `test` (`module::function`) again as `nobody` in a new process, fails if it fails, and
/// returns `true`. As another user: returns `false`, and the test continues.
pub fn again_as_nobody(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        return false;
    }
    let exe = std::env::current_exe().expect("the path of this test");
    let mut place = None;
    let exe = if can_run(&exe) {
        exe
    } else {
        // Root's folders are closed to other users, so copy the needed files.
        let folder = tempfile::Builder::new().prefix("bc-").tempdir_in("/tmp").expect("a folder in /tmp");
        open_to_all(folder.path());
        let deps = folder.path().join("deps");
        std::fs::create_dir(&deps).expect("a folder");
        open_to_all(&deps);
        let copy = deps.join("it");
        std::fs::copy(&exe, &copy).expect("the test can be copied");
        for name in ["briefcased", "briefcase-jail", "mcp-gateway", "briefcase", "mock-upstream"] {
            std::fs::copy(program(name), folder.path().join(name)).expect("the program can be copied");
        }
        place = Some(folder);
        copy
    };
    let mut command = as_nobody(&exe);
    let output = command.args([test, "--exact", "--nocapture"]).output().expect("the test can be started");
    drop(place);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "as nobody:\n{told}");
    true
}

fn as_nobody(exe: &Path) -> Command {
    let mut command = Command::new(exe);
    command.uid(NOBODY).gid(NOBODY).current_dir("/").env("HOME", "/nonexistent");
    command
}

fn can_run(exe: &Path) -> bool {
    as_nobody(exe).arg("--list").output().is_ok_and(|output| output.status.success())
}

fn open_to_all(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("a folder of ours");
}
