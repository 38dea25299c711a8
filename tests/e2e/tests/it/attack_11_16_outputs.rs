//! Attacks 11–16: what a server's output may not do: mismatched structure, invisible characters, another principal's cache.
