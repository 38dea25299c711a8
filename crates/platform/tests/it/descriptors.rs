//! The limit for open descriptors.

use briefcase_platform::descriptors;

#[test]
fn the_limit_is_raised_to_the_hard_one_and_the_old_one_is_reported() {
    let before = descriptors::limit();
    let raised = descriptors::raise().unwrap();
    assert_eq!((raised.was, raised.now), (before, descriptors::limit()));
    // A second time nothing changes.
    assert_eq!(descriptors::raise().unwrap().was, raised.now);
}
