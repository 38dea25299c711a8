//! briefcase-surface
