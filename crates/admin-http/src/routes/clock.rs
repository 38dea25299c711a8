//! The record's time and the computer's clock: the difference for people, and its acceptance.

use std::time::Duration;

use briefcase_api::{ClockStatus, Problem};
use briefcase_policy::ledger::SETTLES_AFTER;
use briefcase_ports::{AdjustableClock, ClockReading};
use briefcase_receipts::ClockNotice;
use briefcase_types::{UnixMillis, rough_duration};

use crate::{Briefcase, edit::Edit, error::ApiError, state::AdminState};

/// The computer's clock may differ by this much from the time that the person saw.
const STILL_SHOWN: Duration = Duration::from_secs(600);

/// The record's time beside the computer's clock.
pub fn status(clock: &dyn AdjustableClock) -> ClockStatus {
    let reading = clock.reading();
    ClockStatus { now: reading.now, computer: reading.computer, problem: problem(&reading) }
}

/// The problem with the computer's clock, or `None`.
fn problem(reading: &ClockReading) -> Option<Problem> {
    if let Some(by) = reading.behind() {
        let message = format!(
            "The computer's clock says {}, which is {} before the record's time. Time continues at {}.",
            reading.computer.utc(),
            rough_duration(by),
            reading.now.utc(),
        );
        let next = "Set the computer's clock. If it is right, accept it with `briefcase clock accept`.";
        return Some(Problem::new("clock_behind", message, next));
    }
    let step = reading.step.filter(|step| reading.now < step.at.plus(SETTLES_AFTER))?;
    let message = format!(
        "The computer's clock is {} after the newest entry before it. It says {}. Budgets that are used up renew at {}.",
        rough_duration(step.by),
        reading.computer.utc(),
        step.at.plus(SETTLES_AFTER).utc(),
    );
    let next =
        "If the computer's clock is wrong, set it. If it is right, accept it with `briefcase clock accept`, or wait.";
    Some(Problem::new("clock_ahead", message, next))
}

/// The edit for an accepted clock.
///
/// # Errors
/// The computer's clock is not at the time that the person saw.
pub fn accept(admin: &AdminState, seen: UnixMillis) -> Result<Edit, ApiError> {
    let reading = admin.parts.clock.reading();
    if seen.since(reading.computer).max(reading.computer.since(seen)) > STILL_SHOWN {
        let now = reading.computer.utc();
        return Err(ApiError::invalid(format!("The computer's clock says {now}, not {}.", seen.utc())));
    }
    let mut edit = Edit::of(move |document| document.accept_clock(reading.now, reading.computer));
    edit.effects.clock_accepted = true;
    Ok(edit)
}

/// Continues from the computer's clock, once the change is in force.
///
/// # Errors
/// The record cannot be written.
pub async fn follow(admin: &AdminState, briefcase: &Briefcase) -> Result<(), ApiError> {
    let before = admin.parts.clock.now();
    let now = admin.parts.clock.accept();
    briefcase.factors.follow_clock(ClockNotice::Accepted, now).await;
    let recorded = briefcase.engine.follow_clock(ClockNotice::Accepted, now);
    if now < before {
        // Their ends are in the old time.
        admin.console.clear();
        admin.pending_passkeys.clear();
    }
    recorded.await.unwrap_or(Err(briefcase_ports::JournalError::Closed))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use briefcase_ports::ClockJump;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_253_400_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn a_difference_is_said_in_words_with_the_next_step() {
        let behind = |by| ClockReading { now: NOW, computer: NOW.minus(by), step: None };
        let stepped =
            |at: UnixMillis| ClockReading { now: NOW, computer: NOW, step: Some(ClockJump { at, by: DAY * 21 }) };
        for (reading, code, words) in [
            (behind(DAY * 2), Some("clock_behind"), "which is 2 days before"),
            (behind(DAY * 400), Some("clock_behind"), "which is 400 days before"),
            (behind(Duration::from_secs(60)), None, ""),
            (stepped(NOW), Some("clock_ahead"), "is 21 days after"),
            (stepped(NOW.minus(SETTLES_AFTER)), None, ""),
        ] {
            let problem = problem(&reading);
            assert_eq!(problem.as_ref().map(|problem| problem.code.as_str()), code, "{reading:?}");
            let Some(problem) = problem else { continue };
            assert!(
                problem.message.contains(words) && problem.next_step.contains("briefcase clock accept"),
                "{problem:?}"
            );
            assert!(!problem.message.contains("Millis"), "{}", problem.message);
        }
    }
}
