//! briefcase-receipts
