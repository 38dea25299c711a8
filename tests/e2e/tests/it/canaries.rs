//! No secret crosses to the agent, the gateway, a log, a receipt or a file, in any encoding.
