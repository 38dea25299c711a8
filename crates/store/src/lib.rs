//! briefcase-store
