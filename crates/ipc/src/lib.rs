//! briefcase-ipc
