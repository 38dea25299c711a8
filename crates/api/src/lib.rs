//! briefcase-api
