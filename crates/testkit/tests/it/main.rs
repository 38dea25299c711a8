//! Tests of the test kit itself: a wrong client or mock would make every other test wrong.
#![expect(clippy::expect_used, reason = "a failed expectation fails the test")]

mod client_and_mock;
mod fixture;
