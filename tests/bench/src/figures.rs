//! The measurements of Briefcase alone.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use briefcase_testkit::{DaemonProcess, SetupOptions, TempHome, program};
use serde_json::json;

use crate::{
    running_briefcase::{RunningBriefcase, fsync, resident},
    stdio::McpClient,
    table::{Table, ms, percentile},
};

const TOOL: &str = "fast__echo";

fn direct() -> Command {
    Command::new(program("fast-upstream"))
}

/// The latency of sequential calls, direct and through Briefcase, and of the disk. The three alternate, so that a
/// drifting machine affects all alike.
struct Added {
    without: Vec<Duration>,
    with: Vec<Duration>,
    disk: Vec<Duration>,
}

impl Added {
    fn measure(briefcase: &RunningBriefcase, rounds: usize, calls: usize) -> Self {
        let (mut plain, mut through) =
            (McpClient::start(direct(), "echo"), McpClient::start(briefcase.gateway(), TOOL));
        plain.calls(50, 1);
        through.calls(50, 1);
        let mut added = Self { without: Vec::new(), with: Vec::new(), disk: Vec::new() };
        for _ in 0..rounds {
            added.without.extend(plain.calls(calls, 1));
            added.with.extend(through.calls(calls, 1));
            added.disk.extend(fsync(&briefcase.home.state(), calls / 2));
        }
        added
    }

    fn percentile(&mut self, percent: usize) -> Duration {
        percentile(&mut self.with, percent).saturating_sub(percentile(&mut self.without, percent))
    }
}

/// The added latency of one sequential read, with and without the disk.
pub fn latency(table: &mut Table, quick: bool) {
    let (rounds, calls) = if quick { (5, 40) } else { (40, 50) };
    let briefcase = RunningBriefcase::new(false);
    let mut added = Added::measure(&briefcase, rounds, calls);
    let (disk50, disk95) = (percentile(&mut added.disk, 50), percentile(&mut added.disk, 95));
    table.note("the disk's own fsync of 4 KiB, p50 / p95", format!("{} / {}", ms(disk50), ms(disk95)));
    for (name, percent, disk) in [("p50", 50, disk50), ("p95", 95, disk95)] {
        let (got, want) = (added.percentile(percent), disk.mul_f64(1.5) + Duration::from_micros(500));
        table.goal(
            format!("added latency of a sequential read, durable, {name}"),
            ms(got),
            format!("≤ 1.5 × fsync + 0.5 ms = {}", ms(want)),
            got <= want,
        );
    }
    let briefcase = RunningBriefcase::new(true);
    let mut added = Added::measure(&briefcase, rounds, calls);
    for (name, percent, want) in [("p50", 50, 500), ("p95", 95, 1000)] {
        let (got, want) = (added.percentile(percent), Duration::from_micros(want));
        table.goal(
            format!("the same without the disk's wait (state in memory), {name}"),
            ms(got),
            format!("≤ {}", ms(want)),
            got <= want,
        );
    }
}

/// The calls per second with one and with 64 in flight, and the bytes they write.
pub fn throughput(table: &mut Table, quick: bool) {
    let briefcase = RunningBriefcase::new(false);
    let mut client = McpClient::start(briefcase.gateway(), TOOL);
    client.calls(500, 64);
    let rate = |client: &mut McpClient, count: usize, in_flight| {
        let began = Instant::now();
        client.calls(count, in_flight);
        count as f64 / began.elapsed().as_secs_f64()
    };
    let (few, many) = if quick { (200, 5_000) } else { (1_000, 40_000) };
    let one = rate(&mut client, few, 1);
    let before = briefcase.written();
    let sixty_four = rate(&mut client, many, 64);
    // Buffered writes are on disk after a quiet second.
    std::thread::sleep(Duration::from_secs(2));
    let written = briefcase.written().zip(before).map(|(after, before)| (after - before) / many as u64);
    table.note("calls per second, 1 in flight, durable", format!("{one:.0}"));
    table.goal("calls per second, 64 in flight, durable", format!("{sixty_four:.0}"), "≥ 4,000", sixty_four >= 4000.0);
    table.goal("64 in flight over 1 in flight", format!("{:.1} ×", sixty_four / one), "≥ 3 ×", sixty_four >= 3.0 * one);
    let what = "written to disk per call, both receipts, 64 in flight";
    match written {
        Some(bytes) => table.goal(what, format!("{bytes} B"), "< 3,000 B", bytes < 3000),
        None => table.note(what, "not measured: only root may read the daemon's I/O counters"),
    }
}

/// The time from start to ready, and the memory at rest.
pub fn start_and_memory(table: &mut Table) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let home = TempHome::new();
    let made = runtime.block_on(DaemonProcess::set_up(&home, &SetupOptions::default()));
    let key = json!({ "unlock_key": made.unlock_key });
    let mut starts = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let daemon = runtime.block_on(DaemonProcess::start(&home, Some(&key)));
        starts.push(began.elapsed());
        runtime.block_on(daemon.stop());
    }
    let p50 = percentile(&mut starts, 50);
    table.goal("daemon: start to ready and open, p50 of 10", ms(p50), "≤ 100 ms", p50 <= Duration::from_millis(100));
    let briefcase = RunningBriefcase::new(false);
    let client = McpClient::start(briefcase.gateway(), TOOL);
    std::thread::sleep(Duration::from_secs(1));
    for (name, pid, most) in [("daemon", briefcase.daemon.id(), 30), ("gateway", client.id(), 10)] {
        let kib = resident(pid);
        table.goal(
            format!("{name}: idle memory"),
            format!("{:.1} MB", kib as f64 / 1024.0),
            format!("≤ {most} MB"),
            kib <= most * 1024,
        );
    }
}

/// The sizes of the programs.
pub fn sizes(table: &mut Table) {
    for (name, most) in
        [("briefcased", Some(20)), ("mcp-gateway", None), ("briefcase", None), ("briefcase-enclave", None)]
    {
        let bytes = std::fs::metadata(program(name)).map(|about| about.len()).unwrap_or_default();
        let shown = format!("{:.1} MB", bytes as f64 / 1e6);
        match most {
            Some(most) => {
                let fits = bytes <= most * 1_000_000;
                table.goal(format!("{name}: size, stripped"), shown, format!("≤ {most} MB"), fits);
            }
            None => table.note(format!("{name}: size, stripped"), shown),
        }
    }
}

/// The offline verification of 100,000 receipts.
pub fn verify(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("record");
    let made = Command::new(program("receipts-verify").with_file_name("examples").join("sample-export"))
        .arg(&record)
        .arg("100000")
        .output()
        .expect("the sample record");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let began = Instant::now();
    let mut child = Command::new(program("receipts-verify"))
        .arg(&record)
        .args(["--key", &key])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the verifier");
    let (pid, mut most) = (child.id(), 0);
    let status = loop {
        most = most.max(resident(pid));
        if let Some(status) = child.try_wait().expect("the verifier") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let took = began.elapsed();
    let errors = child.stderr.take().map(std::io::read_to_string);
    assert!(status.success(), "the sample record does not verify: {errors:?}");
    table.goal("verify 100,000 receipts", ms(took), "≤ 1 s", took <= Duration::from_secs(1));
    table.goal("memory for it", format!("{:.1} MB", most as f64 / 1024.0), "flat (≤ 16 MB)", most <= 16 * 1024);
}
