//! The official MCP conformance suite, server side, both frozen requirement sets: against the fixture itself
//! (`--direct`), and through gateway and daemon with the fixture behind them (`--through`). Without a flag both.
//! `--no-build` uses the existing programs.
//!
//! Invariant: a scenario that fails, is missing, or is skipped without need fails the command.

mod results;
mod skips;
mod subject;

use std::path::Path;

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::{programs, workspace};
use results::Outcome;
use skips::Skips;
use subject::Subject;

/// A frozen requirement set, and the number of server scenarios that it scores.
struct Set {
    revision: &'static str,
    scored: usize,
}

const SETS: [Set; 2] = [Set { revision: "2025-11-25", scored: 30 }, Set { revision: "2026-07-28", scored: 37 }];

/// Runs the suite.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let (direct, through) = (workspace::flag(args, "--direct"), workspace::flag(args, "--through"));
    programs::build_unless_told(args)?;
    node::fixtures()?;
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    if direct || !through {
        measure(&Subject::direct()?, &Skips::none(), &mut rows, &mut wrong)?;
    }
    if through || !direct {
        measure(&Subject::through()?, &Skips::read()?, &mut rows, &mut wrong)?;
    }
    println!("\n{:<28} {:<12} {:>9} {:>9}", "what", "set", "scenarios", "unscored");
    for row in rows {
        println!("{row}");
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(wrong.join("\n             "))) }
}

fn measure(subject: &Subject, skips: &Skips, rows: &mut Vec<String>, wrong: &mut Vec<String>) -> Result<(), Failure> {
    for set in &SETS {
        let out = workspace::target().join("conformance").join(subject.name).join(set.revision);
        let log = suite(subject, set, &out)?;
        let scored = scored(set)?;
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for scenario in &scored {
            match (results::outcome(&out, scenario)?, skips.reason(set.revision, scenario)) {
                (Outcome::Passed, None) => passed += 1,
                (Outcome::Passed, Some(_)) => wrong.push(format!("{scenario} passes: take it off the skip list")),
                (Outcome::Failed(_), Some(reason)) => {
                    skipped += 1;
                    println!("skipped {} {scenario}: {reason}", set.revision);
                }
                (Outcome::Failed(why), None) => {
                    failed += 1;
                    wrong.push(format!("{} {} {scenario}: {why}", subject.name, set.revision));
                }
            }
        }
        if scored.len() != set.scored {
            wrong.push(format!("{} scores {} scenarios, expected {}", set.revision, scored.len(), set.scored));
        }
        let unscored = results::unscored(&out, &scored)?;
        println!("conformance: {passed} passed, {failed} failed, {skipped} skipped");
        println!("             {} against {}, log {}", set.revision, subject.name, log.display());
        let total = scored.len();
        rows.push(format!("{:<28} {:<12} {passed:>4}/{total:<4} {:>9}", subject.name, set.revision, unscored));
    }
    Ok(())
}

/// Runs one set. Only the suite's result files count: they say more than its exit code.
fn suite(subject: &Subject, set: &Set, out: &Path) -> Result<std::path::PathBuf, Failure> {
    if out.exists() {
        std::fs::remove_dir_all(out)?;
    }
    std::fs::create_dir_all(out)?;
    let log = out.join("suite.log");
    let file = std::fs::File::create(&log)?;
    let errors = file.try_clone()?;
    let mut command = program()?
        .args(["server", "--url", &subject.url, "--requirements", set.revision, "--output-dir"])
        .args([out])
        .into_command();
    command.stdin(std::process::Stdio::null()).stdout(file).stderr(errors).status()?;
    Ok(log)
}

/// Returns the scored scenarios, from the suite's own frozen list.
fn scored(set: &Set) -> Result<Vec<String>, Failure> {
    let listed = program()?.args(["list", "--server", "--requirements", set.revision]).read()?;
    let after = listed.split("Server scenarios").nth(1).unwrap_or_default();
    Ok(after.lines().skip(1).map_while(|line| line.strip_prefix("  - ")).map(|name| name.trim().to_owned()).collect())
}

fn program() -> Result<Step, Failure> {
    let bin = node::fixtures_dir().join("node_modules/.bin/conformance");
    Ok(Step::new(node::new_node()?).args([bin]))
}
