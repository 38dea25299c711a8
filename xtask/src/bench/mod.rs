//! Benchmarks, one module each. `cargo xtask bench NAME` runs one; without a name it runs all.

mod all;

use crate::failure::Failure;

/// One benchmark: its name, its description, and its function.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const BENCHES: &[Bench] = &[Bench {
    name: "all",
    about: "latency, throughput, bytes written, start, memory, sizes, verification, and other bridges beside it",
    run: all::run,
}];

/// Runs the benchmark named first, or all.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let name = args.first().filter(|arg| !arg.starts_with("--"));
    let chosen: Vec<&Bench> = BENCHES.iter().filter(|bench| name.is_none_or(|name| bench.name == name)).collect();
    if chosen.is_empty() {
        let names: Vec<String> = BENCHES.iter().map(|bench| format!("{} ({})", bench.name, bench.about)).collect();
        return Err(Failure::new(format!("no such benchmark; there are: {}", names.join(", "))));
    }
    for bench in chosen {
        (bench.run)(args)?;
    }
    Ok(())
}
