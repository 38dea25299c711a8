//! briefcase-vault
