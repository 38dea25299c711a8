//! briefcase-testkit
