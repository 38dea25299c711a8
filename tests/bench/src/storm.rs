//! Attack 8, measured: a server announces a changed list of tools a thousand times a second while other servers are
//! called.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    running_briefcase::{RunningBriefcase, resident},
    stdio::McpClient,
    table::{Table, ms, percentile},
};

const TOOL: &str = "fast__echo";

/// The duration of the storm of `fast-upstream --storm`.
const STORM: Duration = Duration::from_secs(10);

/// The calls of another server before, during and after the storm, with the state on disk and in memory.
pub fn storm(table: &mut Table) {
    for (in_memory, state) in [(false, "durable"), (true, "state in memory")] {
        let briefcase = RunningBriefcase::new(in_memory);
        briefcase.add("noisy", &["--storm"]);
        let mut client = McpClient::start(briefcase.gateway(), TOOL);
        client.calls(200, 1);
        let mut quiet = client.calls_for(STORM);
        let before = resident(briefcase.daemon.id());
        client.turn_to("noisy__echo");
        client.calls(1, 1);
        client.turn_to(TOOL);
        let (mut stormy, most) = watched(briefcase.daemon.id(), || client.calls_for(STORM));
        // The notifications are merged but still arrive: otherwise there was no storm.
        let told = client.notices();
        assert!(told > 0, "the storm did not reach the agent's side");
        quiet.extend(client.calls_for(STORM));
        let (calm, storm) = (percentile(&mut quiet, 99), percentile(&mut stormy, 99));
        table.goal(
            format!("p99 of calls to another server during a storm of 1,000 notices a second, {state}"),
            format!("{} beside {}: {:.2} ×", ms(storm), ms(calm), storm.as_secs_f64() / calm.as_secs_f64()),
            "< 2 × before and after",
            storm < calm * 2,
        );
        let grown = most.saturating_sub(before);
        table.goal(
            format!("memory that the daemon takes for it, {state}"),
            format!("{:.1} MiB", grown as f64 / 1024.0),
            "< 64 MiB",
            grown < 64 * 1024,
        );
        table.note(format!("notices of the 10,000 that the agent was told, {state}"), told.to_string());
    }
}

/// Runs an operation. Returns the peak memory of the process meanwhile, in KiB.
fn watched<T>(pid: u32, work: impl FnOnce() -> T) -> (T, u64) {
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let watcher = thread::spawn(move || {
        let mut most = 0;
        while !seen.load(Ordering::Relaxed) {
            most = most.max(resident(pid));
            thread::sleep(Duration::from_millis(50));
        }
        most
    });
    let made = work();
    done.store(true, Ordering::Relaxed);
    (made, watcher.join().expect("the watcher"))
}
