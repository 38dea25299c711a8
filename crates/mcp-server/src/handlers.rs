//! One module per kind of request. Each handler is a function of the connection's state and a request.
//!
//! | module | handles |
//! |---|---|
//! | [`initialize`] | `initialize`, `server/discover` |
//! | [`lists`] | `tools/list`, `resources/list`, `resources/templates/list`, `prompts/list` |
//! | [`calls`] | `tools/call`, `resources/read`, `prompts/get`, `completion/complete`, and their retries |
//! | [`run`] | running calls until the client's request has a response |
//! | [`tasks`] | `tasks/*` |
//! | [`logging`] | `logging/setLevel` |
//! | [`subscriptions`] | `subscriptions/listen`, `resources/subscribe`, `resources/unsubscribe` |
//! | [`server_events`] | messages of servers outside of any request |

pub(crate) mod calls;
pub(crate) mod initialize;
pub(crate) mod lists;
pub(crate) mod logging;
pub(crate) mod run;
pub(crate) mod server_events;
pub(crate) mod subscriptions;
pub(crate) mod tasks;
