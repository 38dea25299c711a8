//! The protections of a process against others of the same user.

use briefcase_platform::hardening::{harden, is_hardened};
use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior};

/// Attack 42, as far as one process can show it.
#[test]
fn a_hardened_process_leaves_no_core_and_cannot_be_read() {
    harden().unwrap();
    assert_eq!(is_hardened(), (true, true));
    assert_eq!(getrlimit(Resource::Core).maximum, Some(0), "the limit cannot be raised again");
    set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
    assert_eq!(is_hardened(), (true, false));
}
