//! Measures how fast receipts become durable, and the bytes written for them.
//!
//! Run `cargo run --release -p briefcase-store --example appends -- [CALLS] [IN_FLIGHT]`. Each call is a lazy intent
//! with an opening, and an urgent outcome. The system counts the bytes written by this process (`/proc/self/io`), with
//! head file and checkpoints.

#[path = "../../../tests/durability/src/keys.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod keys;

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use briefcase_ports::{Entry, Journal as _, Urgency};
use briefcase_store::{ExpectedState, Store};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let calls = arguments.next().transpose()?.unwrap_or(5_000);
    let in_flight = arguments.next().transpose()?.unwrap_or(64);
    let upstream = arguments.next().transpose()?.unwrap_or(0);
    let folder = tempfile::Builder::new().prefix("appends").tempdir_in(".")?;
    let fsync = fsync_median(&folder.path().join("probe"))?;
    let state = folder.path().join("state");
    let before = written()?;
    let (store, _) = Store::open(&state, keys::options(ExpectedState::ExistingOrNew, 1))?;
    let opened = written()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let began = Instant::now();
    let mut latencies = runtime.block_on(drive(Arc::new(store), calls, in_flight, Duration::from_micros(upstream)))?;
    let took = began.elapsed();
    let done = written()?;
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
    let began = Instant::now();
    let (store, opened_again) = Store::open(&state, keys::options(ExpectedState::Existing, 1))?;
    let reopened = began.elapsed();
    drop(store);
    let size = std::fs::metadata(state.join("briefcase.db"))?.len();
    let mut out = std::io::stdout();
    writeln!(out, "calls {calls}, in flight {in_flight}, receipts {}", opened_again.size)?;
    writeln!(out, "fsync p50 {fsync:?}; call p50 {:?} p95 {:?} p99 {:?}", at(50), at(95), at(99))?;
    writeln!(out, "{} calls/s", u128::from(calls) * 1_000_000 / took.as_micros().max(1))?;
    writeln!(
        out,
        "written per call {} bytes (opening the store: {}); database per call {} bytes",
        (done - opened) / calls,
        opened - before,
        size / calls
    )?;
    writeln!(out, "open again {reopened:?}")?;
    Ok(())
}

async fn drive(store: Arc<Store>, calls: u64, in_flight: u64, upstream: Duration) -> Result<Vec<Duration>, Failure> {
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..in_flight {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            for number in (worker..calls).step_by(usize::try_from(in_flight).unwrap_or(1)) {
                let began = Instant::now();
                let opening = format!("{{\"arguments\":{{\"a\":{number},\"b\":\"{}\"}}}}", "x".repeat(200)).into();
                let intent =
                    store.append(Entry { receipt: keys::intent(number), opening: Some(opening) }, Urgency::Lazy);
                if !upstream.is_zero() {
                    tokio::time::sleep(upstream).await;
                }
                let outcome = store.append(Entry { receipt: keys::outcome(number), opening: None }, Urgency::Now);
                intent.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                outcome.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                latencies.push(began.elapsed());
            }
            Ok::<_, String>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    store.close()?;
    Ok(latencies)
}

/// Returns the bytes that this process caused to be written.
fn written() -> Result<u64, Failure> {
    let io = std::fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).ok_or("no write_bytes")?;
    Ok(line.trim().parse()?)
}

fn fsync_median(path: &Path) -> Result<Duration, Failure> {
    let mut file = File::create(path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(100).copied().unwrap_or_default())
}
