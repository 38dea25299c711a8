//! Programs with a clock that is ahead: tests that pass today must pass on every later day.
//!
//! The library of the end-to-end tests moves the wall clock of every program that is not statically linked, including
//! browsers. The clock that measures waits does not change. Esbuild, Biome and TypeScript are static programs: they
//! keep the true time, and do not read it.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// Two years, in seconds.
const AHEAD: i64 = 2 * 365 * 24 * 60 * 60;

const SOURCE: &str = "tests/e2e/src/clock.c";

/// A moved clock. Its files are removed when it is dropped.
pub struct Clock {
    dir: PathBuf,
}

impl Clock {
    /// A clock that is two years ahead.
    pub fn ahead() -> Result<Self, Failure> {
        // Tests that run as another user load it too, so it is not below a home folder.
        let clock = Self { dir: std::env::temp_dir().join(format!("briefcase-clock-{}", std::process::id())) };
        std::fs::create_dir(&clock.dir)?;
        let source = workspace::root().join(SOURCE);
        Step::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([clock.library(), source]).run()?;
        // The seconds for the wall clock, then for the clocks that measure waits.
        std::fs::write(clock.offsets(), [AHEAD.to_ne_bytes(), 0_i64.to_ne_bytes()].concat())?;
        Ok(clock)
    }

    /// The variables that give a program this clock.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        [("LD_PRELOAD", text(self.library())), ("MOVED_CLOCK", text(self.offsets()))]
    }

    fn library(&self) -> PathBuf {
        self.dir.join("clock.so")
    }

    fn offsets(&self) -> PathBuf {
        self.dir.join("offsets")
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // A leftover is a temporary file.
        let _gone = std::fs::remove_dir_all(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_uses_the_moved_clock() {
        let clock = Clock::ahead().unwrap();
        let now = || Step::new("date").args(["+%s"]);
        let seconds = |text: String| text.trim().parse::<i64>().unwrap();
        let (here, there) = (seconds(now().read().unwrap()), seconds(now().envs(&clock.variables()).read().unwrap()));
        assert!((there - here - AHEAD).abs() < 60, "{there} {here}");
    }
}
