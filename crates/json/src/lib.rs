//! briefcase-json
