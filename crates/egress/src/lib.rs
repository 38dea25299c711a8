//! briefcase-egress
