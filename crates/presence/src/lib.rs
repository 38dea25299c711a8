//! briefcase-presence
