//! Fuzzing on the stable toolchain: builds each target of fuzz/ with the compiler's coverage counters and runs it for a
//! limited time.

use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

const SECONDS: &str = "60";

/// Coverage counters and comparisons for libFuzzer, the same flags as those of the nightly-only wrapper.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing -Cdebug-assertions -Coverflow-checks";

/// Builds all targets and runs each for `--seconds N`, or the one of `--target NAME`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let seconds = workspace::option(args, "--seconds").unwrap_or(SECONDS);
    let dir = workspace::root().join("fuzz");
    let targets = targets(&dir)?;
    let chosen: Vec<&String> = match workspace::option(args, "--target") {
        Some(name) => targets.iter().filter(|target| *target == name).collect(),
        None => targets.iter().collect(),
    };
    if chosen.is_empty() {
        return Err(Failure::new(format!("no such target; there are: {}", targets.join(", "))));
    }
    let out = workspace::target().join("fuzz");
    let host = host()?;
    // A named target keeps the counters out of build scripts and macros.
    Step::cargo()
        .args(["build", "--release", "--locked", "--bins", "--manifest-path", "fuzz/Cargo.toml"])
        .args(["--target", &host])
        .env("CARGO_TARGET_DIR", &out)
        .env("RUSTFLAGS", FLAGS)
        .run()?;
    let programs = out.join(&host).join("release");
    side_by_side(&chosen, |target| one(&dir, &programs.join(target), target, seconds))
}

/// Runs the targets in parallel, one thread each, as many as there are processors.
fn side_by_side(targets: &[&String], run: impl Fn(&str) -> Result<(), Failure> + Sync) -> Result<(), Failure> {
    let many = std::thread::available_parallelism().map_or(1, NonZero::get);
    let (next, failed) = (Mutex::new(targets.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..many {
            scope.spawn(|| {
                while let Some(target) = locked(&next).next() {
                    if let Err(failure) = run(target) {
                        locked(&failed).push(failure.to_string());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("\n"))) }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one(dir: &Path, program: &Path, target: &str, seconds: &str) -> Result<(), Failure> {
    let found = workspace::target().join("fuzz-found").join(target);
    let corpus = found.join("corpus");
    std::fs::create_dir_all(&corpus)?;
    // Read only: findings of a run are not committed.
    let seeds = dir.join("corpus").join(target);
    let mut step = Step::new(program)
        .args([format!("-max_total_time={seconds}"), "-rss_limit_mb=2048".into(), "-timeout=10".into()])
        .args(["-print_final_stats=1".into(), format!("-artifact_prefix={}/", found.display())])
        .args([&corpus]);
    if seeds.is_dir() {
        step = step.args([&seeds]);
    }
    let log = found.join("log");
    let ended = step.logged(&log);
    let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    if let Err(failure) = ended {
        println!("{text}");
        return Err(Failure::new(format!("{failure}: the input that it failed on is in {}", found.display())));
    }
    let units = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    println!("fuzz: {target} for {seconds} s, {} inputs", units.unwrap_or("no").trim());
    Ok(())
}

/// Names of the binaries in fuzz/Cargo.toml.
fn targets(dir: &Path) -> Result<Vec<String>, Failure> {
    let manifest: toml::Table = toml::from_str(&std::fs::read_to_string(dir.join("Cargo.toml"))?)?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten();
    Ok(bins.filter_map(|bin| bin.get("name")?.as_str().map(str::to_owned)).collect())
}

fn host() -> Result<String, Failure> {
    let version = Step::new("rustc").args(["-vV"]).read()?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("rustc does not say what it builds for"))
}
