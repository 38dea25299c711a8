//! The reference server offers through the gateway what it offers directly.
