//! One client's connection, as its transport sees it.

use std::sync::Arc;

use briefcase_mcp::{Envelope, ParamHeaders, RequestId};
use bytes::Bytes;

use crate::{client_sink::Route, connection_state::ConnectionState, dispatch};

/// One client's connection. Dropping it closes it.
pub struct ClientConnection(pub(crate) Arc<ConnectionState>);

impl ClientConnection {
    /// Takes one message of the client. `headers` are the `Mcp-Param-*` headers that came with it over HTTP; `None` for
    /// other transports. Never blocks.
    pub fn receive(&self, message: Bytes, headers: Option<ParamHeaders>) {
        match Envelope::parse(message) {
            Ok(envelope) => dispatch::receive(&self.0, &envelope, headers),
            Err(error) => {
                let route = error.id.clone().map_or(Route::General, Route::Related);
                self.0.sink.send(route, error.to_response());
            }
        }
    }

    /// Cancels a request whose response the client no longer wants (it closed the request's stream).
    pub fn cancel(&self, id: &RequestId) {
        self.0.cancel(id);
    }

    /// Ends the streams of change notifications with a result. Call before [`Self::close`].
    pub fn end_streams(&self) {
        self.0.subscriptions.end_all();
    }

    /// Closes the connection: cancels running requests and fails requests to the client.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.close();
    }
}
