//! Attack 40 as races: an attacker swaps folders and sockets a thousand times while the real programs use them.

use std::{
    io::Read,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use briefcase_testkit::{ClientEra, DaemonProcess, GatewayProcess, SetupOptions, TempHome, output_of};
use e2e::Scene;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

const ROUNDS: usize = 1_000;
const NOBODY: u32 = 65534;
/// The minimum duration of a race, which ends after its rounds.
const SPAN: Duration = Duration::from_secs(6);
const AT_MOST: Duration = Duration::from_secs(90);

/// The attacker, on its own thread.
struct Attacker {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<Vec<u8>>,
}

impl Attacker {
    /// Repeats `round`. The result of a round is what the attacker has captured.
    fn start(
        prepare: impl FnOnce() + Send + 'static,
        mut round: impl FnMut(usize) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (until, count) = (Arc::clone(&stop), Arc::clone(&rounds));
        let thread = std::thread::spawn(move || {
            prepare();
            let mut got = Vec::new();
            // Always an even number, so that the swapped object is back in its place.
            while !until.load(Relaxed) || count.load(Relaxed) % 2 == 1 {
                got.extend(round(count.load(Relaxed)));
                count.fetch_add(1, Relaxed);
                std::thread::sleep(Duration::from_micros(500));
            }
            got
        });
        Self { stop, rounds, thread }
    }

    fn goes_on(&self, since: Instant) -> bool {
        let enough = since.elapsed() > SPAN && self.rounds.load(Relaxed) >= ROUNDS;
        !enough && since.elapsed() < AT_MOST && !self.thread.is_finished()
    }

    fn end(self) -> (usize, Vec<u8>) {
        self.stop.store(true, Relaxed);
        let got = self.thread.join().expect("the attacker failed");
        (self.rounds.load(Relaxed), got)
    }
}

/// A listener on these sockets, and the data that it received.
struct Trap(Vec<UnixListener>);

impl Trap {
    fn in_folder(folder: &Path) -> Self {
        let listen = |name| {
            let path = folder.join(name);
            let listener = UnixListener::bind(&path).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        Self(["agent.sock", "admin.sock"].map(listen).into())
    }

    fn caught(&self) -> Vec<u8> {
        let mut got = Vec::new();
        for listener in &self.0 {
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    got.extend(&buffer[..read]);
                }
            }
        }
        got
    }
}

/// Guards: programs check the owner and mode of the open folder, not of a path that may have another target by now.
/// Another user with the right to rename the folder swaps it for its own, a thousand times: no program sends it a byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_40_another_user_who_swaps_the_folder_receives_nothing() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can be somebody else.
    }
    let scene = Scene::new().await;
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(scene.home.path(), everybody.clone()).unwrap();
    let fake = scene.home.file("fake");
    std::fs::create_dir(&fake).unwrap();
    std::os::unix::fs::chown(&fake, Some(NOBODY), Some(NOBODY)).unwrap();
    let (real, swapped) = (scene.home.runtime(), fake.clone());
    let mut trap = None;
    let as_nobody = || {
        // This thread only: the kernel keeps users per thread.
        rustix::thread::set_thread_gid(rustix::fs::Gid::from_raw(NOBODY)).unwrap();
        rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(NOBODY)).unwrap();
    };
    let attacker = Attacker::start(as_nobody, move |_| {
        let trap = trap.get_or_insert_with(|| Trap::in_folder(&swapped));
        renameat_with(CWD, &real, CWD, &swapped, RenameFlags::EXCHANGE).expect("the folders can be swapped");
        trap.caught()
    });
    let since = Instant::now();
    let (mut served, mut turned_away, mut fooled) = (0, 0, 0);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {} }).to_string() + "\n";
    while attacker.goes_on(since) {
        let mut status = scene.home.command("briefcase");
        status.args(["status", "--json"]);
        let gateway = GatewayProcess::command(&scene.home, &scene.made.token, None);
        let (status, gateway) = tokio::join!(output_of(status, b""), output_of(gateway, hello.as_bytes()));
        for output in [status, gateway] {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!told.contains("panicked"), "{told}");
            if output.status.success() && !output.stdout.is_empty() { served += 1 } else { turned_away += 1 }
        }
        // A program without the check is deceived: the attack works.
        for _ in 0..20 {
            if let Ok(stream) = UnixStream::connect(scene.home.runtime().join("agent.sock")) {
                let peer = rustix::net::sockopt::socket_peercred(&stream).unwrap();
                fooled += usize::from(peer.uid.as_raw() == NOBODY);
            }
        }
    }
    let (rounds, got) = attacker.end();
    assert!(rounds >= ROUNDS, "only {rounds} rounds in {AT_MOST:?}");
    assert!(fooled > 0 && turned_away > 0, "the race was never lost: {fooled} {turned_away} {served}");
    assert!(got.is_empty(), "sent to a stranger: {}", String::from_utf8_lossy(&got));
    std::fs::set_permissions(scene.home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    scene.client(ClientEra::Legacy).await;
}

/// Objects in place of the socket, put there while the daemon starts.
fn obstruct(run: &Path, precious: &Path, round: usize) {
    let names = ["admin.sock", "agent.sock", "admin.sock.new", "agent.sock.new", "admin.sock.lock"];
    let place = run.join(names[round % names.len()]);
    let _ = std::fs::remove_file(&place);
    let _ = match round / names.len() % 5 {
        0 => symlink(precious, &place),
        1 => std::fs::write(&place, "in the way"),
        2 => UnixListener::bind(&place).map(drop),
        3 => symlink("/nonexistent/elsewhere", &place),
        _ => Ok(()),
    };
}

fn clear(run: &Path) {
    for entry in std::fs::read_dir(run).unwrap().flatten() {
        let _ = std::fs::remove_file(entry.path());
    }
}

/// Guards: the daemon binds under another name and moves the socket into place. Whatever is put in its way, it serves
/// or reports the reason, follows no link to another file, and the next start works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_40_a_start_in_a_race_serves_or_reports_why_and_harms_nothing() {
    let home = TempHome::new();
    let made = DaemonProcess::set_up(&home, &SetupOptions::default()).await;
    let key = json!({ "unlock_key": made.unlock_key });
    let precious: PathBuf = home.file("precious");
    std::fs::write(&precious, "precious").unwrap();
    DaemonProcess::start(&home, Some(&key)).await.stop().await;
    let (run, target) = (home.runtime(), precious.clone());
    let attacker = Attacker::start(
        || (),
        move |round| {
            obstruct(&run, &target, round);
            Vec::new()
        },
    );
    let since = Instant::now();
    let (mut served, mut refused) = (0, 0);
    while attacker.goes_on(since) {
        match DaemonProcess::try_start(&home, Some(&key)).await {
            Ok(daemon) => {
                served += 1;
                daemon.kill().await;
            }
            Err(told) => {
                refused += 1;
                assert!(!told.contains("panicked"), "{told}");
                assert!(told.contains(".sock"), "it does not say what is in the way: {told}");
            }
        }
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious", "it wrote through a link");
    }
    let (rounds, _) = attacker.end();
    assert!(rounds >= ROUNDS && served + refused >= 5, "{rounds} rounds, {served} served, {refused} refused");
    assert!(refused > 0, "nothing was ever in the way");
    clear(&home.runtime());
    let scene = Scene { daemon: Scene::restarted(&home, &made).await, setup: SetupOptions::default(), made, home };
    scene.client(ClientEra::Legacy).await;
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
}
