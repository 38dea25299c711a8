//! Attack 60: policies at their edges.
