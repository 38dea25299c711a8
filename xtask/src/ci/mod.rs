//! Every check in order, each as the command a person would rerun. Stops at the first failure.

mod tally;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;
use tally::Tally;

/// One check: its name and the xtask arguments that run it.
struct Check {
    name: &'static str,
    args: &'static [&'static str],
}

const CHECKS: &[Check] = &[
    Check { name: "fmt", args: &["fmt"] },
    Check { name: "layers", args: &["layers"] },
    Check { name: "sizes", args: &["sizes"] },
    Check { name: "names", args: &["names"] },
    Check { name: "docs", args: &["docs"] },
    Check { name: "deny", args: &["deny"] },
    Check { name: "web", args: &["web"] },
    Check { name: "enclave", args: &["enclave", "test"] },
    Check { name: "release", args: &["enclave", "rehearse"] },
    Check { name: "clippy", args: &["clippy"] },
    Check { name: "codegen", args: &["codegen", "--check"] },
    Check { name: "build", args: &["build"] },
    Check { name: "test", args: &["test"] },
    Check { name: "e2e", args: &["e2e"] },
    Check { name: "conformance", args: &["conformance"] },
    Check { name: "durability", args: &["durability", "--seconds", "60"] },
    Check { name: "fuzz", args: &["fuzz", "--seconds", "10"] },
];

/// Runs the checks: all, or those from `--from STEP` on.
pub fn run(args: &[String]) -> Result<(), Failure> {
    if workspace::flag(args, "--list") {
        for check in CHECKS {
            println!("{:<12} {}", check.name, command(check));
        }
        return Ok(());
    }
    let first = match workspace::option(args, "--from") {
        None => 0,
        Some(name) => CHECKS
            .iter()
            .position(|check| check.name == name)
            .ok_or_else(|| Failure::new(format!("no check is called {name}: see `cargo xtask ci --list`")))?,
    };
    let logs = workspace::target().join("ci");
    std::fs::create_dir_all(&logs)?;
    let verbose = workspace::flag(args, "--verbose");
    let started = Instant::now();
    let mut tally = Tally::default();
    for (at, check) in CHECKS.iter().enumerate().skip(first) {
        print!("[{:>2}/{}] {:<12} ", at + 1, CHECKS.len(), check.name);
        std::io::stdout().flush()?;
        one(check, &logs, verbose, &mut tally)?;
    }
    println!("\nall checks passed in {}", shown(started.elapsed()));
    println!("{tally}");
    Ok(())
}

fn one(check: &Check, logs: &Path, verbose: bool, tally: &mut Tally) -> Result<(), Failure> {
    let log = logs.join(format!("{}.log", check.name));
    let began = Instant::now();
    let before = tally.passed();
    let succeeded = watched(check, &log, verbose, tally)?;
    if succeeded {
        let counted = match tally.passed() - before {
            0 => String::new(),
            tests => format!("  {tests} passed"),
        };
        println!("ok {:>8}{counted}", shown(began.elapsed()));
        return Ok(());
    }
    println!("FAILED {:>8}", shown(began.elapsed()));
    if !verbose {
        show_end(&log)?;
    }
    println!("{tally}");
    let from = format!("cargo xtask ci --from {}", check.name);
    Err(Failure::new(format!("{} failed. Again: {}   The rest after it: {from}", check.name, command(check))))
}

/// Runs one check with everything it prints going to its log.
fn watched(check: &Check, log: &PathBuf, verbose: bool, tally: &mut Tally) -> Result<bool, Failure> {
    let (reader, writer) = std::io::pipe()?;
    let errors = writer.try_clone()?;
    let mut command = Step::new(workspace::itself()?).args(check.args).into_command();
    command.env("CARGO_TERM_COLOR", "never").stdin(Stdio::null()).stdout(writer).stderr(errors);
    let mut child =
        command.spawn().map_err(|error| Failure::new(format!("{}: {error}", command.get_program().display())))?;
    // The command keeps the writing ends open; without this the pipe would never end.
    drop(command);
    let mut file = File::create(log)?;
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        file.write_all(&line)?;
        file.write_all(b"\n")?;
        let text = String::from_utf8_lossy(&line);
        tally.read(&text);
        if verbose {
            println!("{text}");
        }
    }
    Ok(child.wait()?.success())
}

fn show_end(log: &Path) -> Result<(), Failure> {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    println!("--- end of {} ---", log.display());
    for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
        println!("{line}");
    }
    println!("---");
    Ok(())
}

fn command(check: &Check) -> String {
    format!("cargo xtask {}", check.args.join(" "))
}

/// A duration as a person reads it.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{seconds}.{}s", time.subsec_millis() / 100)
    }
}
