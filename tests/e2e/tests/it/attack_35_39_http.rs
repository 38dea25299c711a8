//! Attacks 35–39: clock, rebinding, header and body, smuggling, request states.
