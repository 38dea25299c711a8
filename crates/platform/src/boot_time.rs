//! The boot clock, which nobody can set.

use std::time::Duration;

/// The time since the computer started, suspended time included. `None` when the system does not report it.
#[cfg(target_os = "linux")]
#[must_use]
pub fn boot_time() -> Option<Duration> {
    // The C library's function, because it also works under instrumentation, where the kernel's shared page is hidden.
    let read = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).ok()?;
    let seconds = u64::try_from(read.tv_sec()).ok()?;
    Some(Duration::new(seconds, u32::try_from(read.tv_nsec()).ok()?))
}

/// The time since the computer started, suspended time included. `None` when the system does not report it.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn boot_time() -> Option<Duration> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_advances() {
        let before = boot_time().unwrap();
        assert!(before > Duration::ZERO && boot_time().unwrap() >= before);
    }
}
