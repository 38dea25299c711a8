//! Attack 8 in figures: a server that says a thousand times a second that its tools changed, and the calls of others meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    place::{Place, resident},
    stdio::McpClient,
    table::{Table, ms, percentile},
};

const TOOL: &str = "fast__echo";

/// How long the storm of `fast-upstream --storm` blows.
const STORM: Duration = Duration::from_secs(10);

/// Calls of another server before, during and after the storm, with the state on disk and in memory.
pub fn storm(table: &mut Table) {
    for (in_memory, state) in [(false, "durable"), (true, "state in memory")] {
        let place = Place::new(in_memory);
        place.add("noisy", &["--storm"]);
        let mut client = McpClient::start(place.gateway(), TOOL);
        client.calls(200, 1);
        let mut quiet = client.calls_for(STORM);
        let before = resident(place.daemon.id());
        client.turn_to("noisy__echo");
        client.calls(1, 1);
        client.turn_to(TOOL);
        let (mut stormy, most) = watched(place.daemon.id(), || client.calls_for(STORM));
        // Gathered, but told: else there was no storm.
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

/// Does something, and says how much memory the process held at most meanwhile, in KiB.
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
