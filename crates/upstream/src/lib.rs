//! briefcase-upstream
