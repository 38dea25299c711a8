//! Seconds per check, as a table at the end of a run.

use std::fmt;
use std::time::Duration;

use super::shown;

/// The kernel's accounting ticks per second, the same on every Linux architecture.
const TICKS: u64 = 100;

/// The time of one check.
pub struct Timing {
    pub name: &'static str,
    pub wall: Duration,
    /// The processor time of the check and of all processes that it started and waited for.
    pub cpu: Duration,
    pub passed: u64,
}

/// The times of all checks.
#[derive(Default)]
pub struct Timings(Vec<Timing>);

impl Timings {
    pub fn add(&mut self, timing: Timing) {
        self.0.push(timing);
    }
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12} {:>8} {:>9} {:>8}", "check", "wall", "processor", "passed")?;
        for Timing { name, wall, cpu, passed } in &self.0 {
            let passed = if *passed == 0 { String::new() } else { passed.to_string() };
            writeln!(f, "{name:<12} {:>8} {:>9} {passed:>8}", shown(*wall), shown(*cpu))?;
        }
        let cpu: Duration = self.0.iter().map(|timing| timing.cpu).sum();
        let wall: Duration = self.0.iter().map(|timing| timing.wall).sum();
        write!(f, "{:<12} {:>8} {:>9}   (checks that run beside each other count each)", "sum", shown(wall), shown(cpu))
    }
}

/// Returns the processor time of an ended child that was not waited for, with that of its own children.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    ticks(&stat).map_or(Duration::ZERO, |ticks| Duration::from_millis(ticks * 1000 / TICKS))
}

/// Reads fields 14 to 17 of proc_pid_stat(5): utime, stime, cutime, cstime. The name before them may contain spaces.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after) = stat.rsplit_once(')')?;
    let fields = after.split_whitespace().skip(11).take(4);
    fields.map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_a_child_and_of_its_children() {
        let stat = "42 (a name) of) Z 1 2 3 4 5 6 7 8 9 10 100 20 3 1 20 0 1 0";
        assert_eq!(ticks(stat), Some(124));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn the_table_has_a_row_per_check_and_a_sum() {
        let mut timings = Timings::default();
        let row = |name, wall, cpu, passed| Timing {
            name,
            wall: Duration::from_secs(wall),
            cpu: Duration::from_secs(cpu),
            passed,
        };
        timings.add(row("fmt", 1, 1, 0));
        timings.add(row("test", 100, 190, 1200));
        let text = timings.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[2].contains("1m40s") && lines[2].contains("3m10s") && lines[2].ends_with("1200"), "{text}");
        assert!(lines[3].starts_with("sum") && lines[3].contains("1m41s"), "{text}");
    }
}
