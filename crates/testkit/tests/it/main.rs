//! The test kit against itself: if the client and the mock are wrong, every other test is.
#![expect(clippy::expect_used, reason = "what cannot go on fails the test")]

mod client_and_mock;
mod fixture;
