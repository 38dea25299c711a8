//! Counts the tests from the last lines of the test runners, for the last line of a run.

use std::fmt;

/// Tests that passed, failed and were skipped.
#[derive(Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Tests that passed so far.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Reads one line of output.
    pub fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            for part in rest.split([';', '.']) {
                self.add(part);
            }
        } else if let Some(rest) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")) {
            self.add_node(rest);
        } else if let Some(rest) = line.strip_prefix("conformance: ") {
            for part in rest.split(',') {
                self.add(part);
            }
        }
    }

    /// Reads `pass 12`, the last line of Node's runner.
    fn add_node(&mut self, line: &str) {
        let Some((word, count)) = line.split_once(' ') else { return };
        let Ok(count) = count.trim().parse::<u64>() else { return };
        match word {
            "pass" => self.passed += count,
            "fail" => self.failed += count,
            "skipped" => self.skipped += count,
            _ => {}
        }
    }

    fn add(&mut self, part: &str) {
        let mut words = part.split_whitespace();
        let (Some(count), Some(word)) = (words.next().and_then(|text| text.parse::<u64>().ok()), words.next()) else {
            return;
        };
        match word {
            "passed" => self.passed += count,
            "failed" => self.failed += count,
            "ignored" | "skipped" => self.skipped += count,
            _ => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_each_runner_are_counted() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.42s");
        tally.read("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        tally.read("conformance: 37 passed, 0 failed");
        tally.read("running 99 passed tests");
        tally.read("ℹ pass 3");
        tally.read("ℹ skipped 1");
        let mut sum = Tally::default();
        sum.merge(&tally);
        sum.merge(&Tally::default());
        assert_eq!(sum.to_string(), "55 passed, 2 failed, 2 skipped");
    }
}
