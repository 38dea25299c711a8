//! kill -9 at random moments.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    check::{self, Said},
    dice::Dice,
    say,
};

/// The number of rounds in one folder. A new folder then tests creation too.
const SAME_FOLDER: u64 = 6;

pub fn run(time: Duration) -> Result<(), Failure> {
    let (began, mut dice) = (Instant::now(), Dice::new(1));
    let (mut kills, mut kept, mut unacknowledged) = (0_u64, 0, 0);
    let place = check::scratch(false)?;
    // A minimum number, for slow machines.
    while began.elapsed() < time || kills < 20 {
        let folder = place.path().join((kills / SAME_FOLDER).to_string());
        let acknowledged = round(&folder, &mut dice)?;
        let size = check::record(&folder, acknowledged).map_err(|what| format!("after kill {kills}: {what}"))?;
        kills += 1;
        kept += acknowledged;
        unacknowledged += size.saturating_sub(acknowledged.max(1));
    }
    say(&format!(
        "kill -9: {kills} kills, {kept} acknowledged entries checked, 0 lost ({unacknowledged} durable before their acknowledgement was read)"
    ));
    Ok(())
}

/// Runs the program until it has acknowledged a few entries, and kills it.
fn round(folder: &Path, dice: &mut Dice) -> Result<u64, Failure> {
    let mut child = check::spawn(check::program(folder, 1_000_000))?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut output = String::new();
    let stop_after = dice.below(120);
    for _ in 0..stop_after {
        if lines.read_line(&mut output)? == 0 {
            break;
        }
    }
    if stop_after < 8 {
        // During opening or the first commits.
        std::thread::sleep(Duration::from_micros(dice.below(30_000)));
    }
    child.kill()?;
    child.wait()?;
    lines.read_to_string(&mut output)?;
    let complete = output.rfind('\n').and_then(|end| output.get(..=end)).unwrap_or_default();
    let said = Said::read(complete);
    match said.wrong {
        None if said.errors.is_empty() && !said.refused => Ok(said.acknowledged),
        wrong => Err(format!("{wrong:?} {:?}", said.errors).into()),
    }
}
