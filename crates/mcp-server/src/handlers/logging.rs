//! `logging/setLevel`: sets the level here.
//!
//! No server gets the level of a client: it would be a message of the agent that nobody decided. Servers are asked for one
//! fixed level, and what is below the client's level ends here.

use std::sync::atomic::Ordering;

use briefcase_ports::Reply;

use crate::{
    connection_state::ConnectionState,
    logging, reply,
    request::{Request, required_string},
};

/// Handles `logging/setLevel`.
pub(crate) fn set_level(state: &ConnectionState, request: &Request) -> Reply {
    let name = request.members().and_then(|members| required_string(&members, "level"));
    let Some(level) = logging::level(&name.unwrap_or_default()) else {
        return reply::invalid_params("`params.level` must be a log level");
    };
    state.log_level.store(level, Ordering::Relaxed);
    reply::result("{}")
}
