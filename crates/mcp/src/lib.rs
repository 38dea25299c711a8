//! briefcase-mcp
