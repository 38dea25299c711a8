//! Compares the instructions per tool call of the daemon with the recorded ones. A more expensive call shows on every
//! machine, however busy it is.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::failure::Failure;
use crate::programs;
use crate::step::Step;
use crate::workspace;

/// The recorded figures.
const RECORD: &str = "tests/bench/instructions.toml";
/// The limit in thousandths of the recorded value: three percent more.
const MOST: u64 = 1030;

#[derive(Deserialize)]
struct Record {
    /// The machine and tools of the recording.
    counted: Counted,
    /// Profile → case → instructions per call.
    profile: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
struct Counted {
    commit: String,
    rustc: String,
    valgrind: String,
    machine: String,
}

/// Counts and compares. `--profile NAME` uses another profile than `dev`; `--no-build` uses the existing programs.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let profile = workspace::option(args, "--profile").unwrap_or("dev");
    if !workspace::flag(args, "--no-build") {
        build(profile)?;
    }
    let folder = if profile == "dev" { "debug" } else { profile };
    let bench = Step::new(workspace::target().join(folder).join("bench")).args(["--only", "instructions"]);
    let counted: BTreeMap<String, u64> = serde_json::from_str(bench.read()?.trim())?;
    let record: Record = toml::from_str(&std::fs::read_to_string(workspace::root().join(RECORD))?)?;
    let Counted { commit, rustc, valgrind, machine } = &record.counted;
    println!("instructions per call, profile {profile}; recorded at {commit} with {rustc} and {valgrind} on {machine}");
    let recorded = record.profile.get(profile).cloned().unwrap_or_default();
    let wrong = compare(&counted, &recorded);
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(wrong.join("\n              "))) }
}

/// The programs of the `dev` profile are those of all other checks, so nothing is compiled for this one.
fn build(profile: &str) -> Result<(), Failure> {
    if profile == "dev" {
        return programs::build(&[]);
    }
    let packages = ["-p", "briefcased", "-p", "briefcase-jail", "-p", "mcp-gateway", "-p", "bench"];
    Step::cargo().args(["build", "--locked", "--profile", profile]).args(packages).run()
}

/// Prints each case with its recorded value. Returns the failures.
fn compare(counted: &BTreeMap<String, u64>, recorded: &BTreeMap<String, u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (case, now) in counted {
        let Some(before) = recorded.get(case).copied().filter(|before| *before > 0) else {
            println!("  {case:<14} {now:>12}");
            wrong.push(format!("{case}: {now} instructions per call, and {RECORD} has no figure to compare with"));
            continue;
        };
        let thousandths = now.saturating_mul(1000).div_ceil(before);
        println!(
            "  {case:<14} {now:>12}  recorded {before:>12}  ratio {}.{:03}",
            thousandths / 1000,
            thousandths % 1000
        );
        if thousandths > MOST {
            wrong.push(format!("{case}: {now} instructions per call are more than 3 % above the recorded {before}"));
        }
    }
    let missing = recorded.keys().filter(|case| !counted.contains_key(*case));
    wrong.extend(missing.map(|case| format!("{case} is recorded in {RECORD} but was not counted")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(figures: &[(&str, u64)]) -> BTreeMap<String, u64> {
        figures.iter().map(|(case, count)| ((*case).to_owned(), *count)).collect()
    }

    #[test]
    fn three_in_a_hundred_more_pass_and_a_little_above_fails() {
        let recorded = figures(&[("read", 1000)]);
        for (now, wrong) in [(900, 0), (1000, 0), (1030, 0), (1031, 1)] {
            assert_eq!(compare(&figures(&[("read", now)]), &recorded).len(), wrong, "{now}");
        }
    }

    #[test]
    fn a_case_on_one_side_alone_fails() {
        assert_eq!(compare(&figures(&[("read", 1)]), &figures(&[])).len(), 1);
        assert_eq!(compare(&figures(&[]), &figures(&[("read", 1)])).len(), 1);
    }
}
