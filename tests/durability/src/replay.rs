//! States that a power cut can leave.
//!
//! Model: a sync makes all earlier writes to that file durable. Later writes may be present or absent, in any order,
//! and a write may be torn between sectors of 512 bytes.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    check::{self, Said},
    dice::Dice,
    say,
    trace::{Event, Log, require_strace},
};

const CALLS: [&str; 5] = ["pwrite64", "write", "ftruncate", "fsync", "fdatasync"];
const FILES: [&str; 4] = ["briefcase.db", "briefcase.db-wal", "head", "overlap"];
const SECTOR: usize = 512;
const BEFORE: u64 = 20;
const ENTRIES: u64 = 40;

/// A file's durable content, and the writes that may not be durable yet.
#[derive(Clone, Default)]
struct Disk {
    durable: Vec<u8>,
    waiting: Vec<Event>,
}

/// The state at the time of the cut: the files, and the acknowledged entries.
#[derive(Clone)]
struct Moment {
    files: BTreeMap<&'static str, Disk>,
    acknowledged: u64,
}

pub fn run(time: Duration) -> Result<(), Failure> {
    require_strace()?;
    let place = check::scratch(true)?;
    let prepared = check::prepared(place.path(), BEFORE)?;
    let full = campaign(place.path(), &prepared, false, time * 4 / 5)?;
    if let Some(lost) = full.lost.first() {
        return Err(format!(
            "synchronous=FULL: {} of {} states are wrong; the first: {lost}",
            full.lost.len(),
            full.states
        )
        .into());
    }
    let careless = campaign(place.path(), &prepared, true, time / 5)?;
    let lost = careless.lost.iter().filter(|what| what.starts_with("lost")).count();
    if lost == 0 {
        return Err(format!(
            "synchronous=NORMAL lost nothing in {} states: the campaign proves nothing",
            careless.states
        )
        .into());
    }
    say(&format!(
        "power cuts: {} states with synchronous=FULL, 0 lost, 0 unreadable; with NORMAL {} states, {lost} lost (as they must)",
        full.states, careless.states
    ));
    Ok(())
}

#[derive(Default)]
struct Tally {
    states: u64,
    lost: Vec<String>,
}

fn campaign(place: &Path, prepared: &Path, careless: bool, time: Duration) -> Result<Tally, Failure> {
    let folder = place.join("state");
    check::copy(prepared, &folder)?;
    let mut program = check::program(&folder, ENTRIES);
    if careless {
        program.arg("--careless");
    }
    let events = Log::record(&program, &CALLS)?.events()?;
    let moments = moments(prepared, &events)?;
    let (began, mut dice, mut tally) = (Instant::now(), Dice::new(3), Tally::default());
    // Each pass cuts at every event once, in another way. Whole passes come first, then as many as time allows.
    for pass in 0_u64.. {
        for moment in shuffled(&moments, &mut dice) {
            if began.elapsed() >= time && tally.states >= 60 {
                return Ok(tally);
            }
            cut(prepared, &folder, moment, pass, &mut dice)?;
            tally.states += 1;
            // The record must open and contain the entry, whether or not the file `head` has it.
            tally.lost.extend(check::record(&folder, moment.acknowledged).err());
        }
    }
    Ok(tally)
}

fn shuffled<'a>(moments: &'a [Moment], dice: &mut Dice) -> Vec<&'a Moment> {
    let mut drawn: Vec<(u64, &Moment)> = moments.iter().map(|moment| (dice.below(u64::MAX), moment)).collect();
    drawn.sort_by_key(|(draw, _)| *draw);
    drawn.into_iter().map(|(_, moment)| moment).collect()
}

/// The files after each event.
fn moments(prepared: &Path, events: &[Event]) -> Result<Vec<Moment>, Failure> {
    let mut now = Moment { files: BTreeMap::new(), acknowledged: BEFORE };
    for name in FILES {
        let durable = fs::read(prepared.join(name))?;
        now.files.insert(name, Disk { durable, waiting: Vec::new() });
    }
    let mut moments = vec![now.clone()];
    for event in events {
        match event {
            Event::Said(line) => now.acknowledged = now.acknowledged.max(Said::read(line).acknowledged),
            Event::Sync { file } => disk(&mut now, file)?.settle(),
            Event::Write { file, .. } | Event::Truncate { file, .. } => {
                disk(&mut now, file)?.waiting.push(event.clone());
            }
        }
        moments.push(now.clone());
    }
    Ok(moments)
}

fn disk<'a>(moment: &'a mut Moment, file: &str) -> Result<&'a mut Disk, Failure> {
    moment.files.get_mut(file).ok_or_else(|| "a file of no interest".into())
}

impl Disk {
    fn settle(&mut self) {
        for event in std::mem::take(&mut self.waiting) {
            apply(&mut self.durable, &event, |_| true);
        }
    }
}

/// Applies an event to a file. Of a write, applies only the sectors that `reached` the disk.
fn apply(file: &mut Vec<u8>, event: &Event, mut reached: impl FnMut(usize) -> bool) {
    match event {
        Event::Truncate { length, .. } => file.resize(*length, 0),
        Event::Write { at, bytes, .. } => {
            let (mut at, mut rest) = (*at, bytes.as_slice());
            while !rest.is_empty() {
                let (part, after) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
                if reached(at / SECTOR) {
                    let end = at + part.len();
                    file.resize(file.len().max(end), 0);
                    if let Some(place) = file.get_mut(at..end) {
                        place.copy_from_slice(part);
                    }
                }
                (at, rest) = (at + part.len(), after);
            }
        }
        Event::Sync { .. } | Event::Said(_) => {}
    }
}

/// Writes the folder as the cut leaves it.
fn cut(prepared: &Path, folder: &Path, moment: &Moment, pass: u64, dice: &mut Dice) -> Result<(), Failure> {
    check::copy(prepared, folder)?;
    drop(fs::remove_file(folder.join("briefcase.db-shm")));
    for (name, disk) in &moment.files {
        let mut file = disk.durable.clone();
        let last = disk.waiting.len().saturating_sub(1);
        for (number, event) in disk.waiting.iter().enumerate() {
            let kept = match pass {
                0 => false,
                1 => true,
                2 => number != last,
                3 => number == last,
                _ => dice.heads(),
            };
            let torn = pass > 3 && dice.below(3) == 0;
            if kept {
                apply(&mut file, event, |_| !torn || dice.heads());
            }
        }
        fs::write(folder.join(name), file)?;
    }
    Ok(())
}
