//! briefcase-policy
