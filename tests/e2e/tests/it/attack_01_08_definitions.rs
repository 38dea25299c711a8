//! Attacks 1–8: poisoned, changed, shadowing and flooding tool definitions.
