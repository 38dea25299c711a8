//! Failing system calls: disk full, disk broken, disk read-only, and death during a call.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    check::{self, Said},
    dice::Dice,
    say, trace,
};

const CALLS: [&str; 4] = ["pwrite64", "fsync", "fdatasync", "ftruncate"];
const FAULTS: [&str; 4] = ["error=ENOSPC", "error=EIO", "error=EROFS", "signal=SIGKILL"];
/// The number of entries appended in each run, after the existing ones.
const ENTRIES: u64 = 12;
const BEFORE: u64 = 20;

struct Case {
    call: &'static str,
    fault: &'static str,
    when: String,
}

pub fn run(time: Duration) -> Result<(), Failure> {
    trace::require_strace()?;
    let place = check::scratch(true)?;
    let prepared = check::prepared(place.path(), BEFORE)?;
    let folder = place.path().join("state");
    let mut cases = cases(&prepared, &folder)?;
    let (began, mut dice) = (Instant::now(), Dice::new(2));
    let (all, mut runs, mut full, mut failed, mut healed) = (cases.len(), 0_u64, 0_u64, 0_u64, 0_u64);
    while !cases.is_empty() && (began.elapsed() < time || runs < 40) {
        let chosen = usize::try_from(dice.below(u64::try_from(cases.len())?))?;
        let case = cases.swap_remove(chosen);
        check::copy(&prepared, &folder)?;
        let said = run_case(&folder, &case)?;
        let whole = |what: &str| format!("{} {} when={}: {what}", case.call, case.fault, case.when);
        if let Some(wrong) = &said.wrong {
            return Err(whole(wrong).into());
        }
        check::record(&folder, said.acknowledged.max(BEFORE)).map_err(|what| whole(&what))?;
        runs += 1;
        full += u64::from(said.errors.iter().any(|error| error == "full"));
        failed += u64::from(said.errors.iter().any(|error| error != "full"));
        healed += u64::from(!said.errors.is_empty() && said.closed);
    }
    if full == 0 || failed == 0 || healed == 0 {
        return Err(format!("the faults had no effect: full {full}, failed {failed}, healed {healed}").into());
    }
    say(&format!(
        "faults: {runs} of {all} cases ({full} disk full, {failed} other errors, {healed} went on after reopening), 0 acknowledged after an error, 0 lost"
    ));
    Ok(())
}

/// Every call of a run without faults, combined with every fault, once and from then on.
fn cases(prepared: &Path, folder: &Path) -> Result<Vec<Case>, Failure> {
    check::copy(prepared, folder)?;
    let log = trace::Log::record(&check::program(folder, ENTRIES), &CALLS)?;
    let mut cases = Vec::new();
    for call in CALLS {
        for number in 1..=log.most_in_one_thread(call) {
            for fault in FAULTS {
                let signal = fault.starts_with("signal");
                let rest = if signal { &[""][..] } else { &["", "+"] };
                cases.extend(rest.iter().map(|rest| Case { call, fault, when: format!("{number}{rest}") }));
            }
        }
    }
    Ok(cases)
}

fn run_case(folder: &Path, case: &Case) -> Result<Said, Failure> {
    let inject = format!("inject={}:{}:when={}", case.call, case.fault, case.when);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={}", case.call), "-e", &inject]);
    let program = check::program(folder, ENTRIES);
    command.arg(program.get_program()).args(program.get_args());
    let output = check::spawn(command)?.wait_with_output()?;
    let output = String::from_utf8(output.stdout)?;
    Ok(Said::read(output.rfind('\n').and_then(|end| output.get(..=end)).unwrap_or_default()))
}
