//! briefcase-engine
