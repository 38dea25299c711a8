//! One server as one session uses it: its connection and its lists.
//!
//! Invariant: a plain read is repeated once when the server ended the session, any other request never.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use briefcase_mcp::method;
use briefcase_ports::{ClientPeer, ClientProfile, ListKind, Listing, Outbound, Reply, UpstreamFailure};
use briefcase_types::{ServerId, SessionId};
use bytes::Bytes;

use crate::{
    capabilities,
    connection::{Connection, ConnectionPages},
    failure::TransportFailure,
    handshake::{KnownEras, PoolContext},
    list_cache::{ListCache, ToolsListCache, generation},
    list_kind,
    mcp_headers::ParamHeader,
    pagination::{AllPages, Page, Pagination},
    reconnect::Reconnect,
    singleflight::SingleFlight,
};

/// The most tools of one server. Further ones are quarantined.
const MAX_TOOLS: usize = 512;

/// One server as one session uses it.
pub(crate) struct SessionServer {
    pub(crate) reconnect: Arc<Reconnect>,
    list_tools: Arc<SingleFlight<Result<Arc<Listing>, UpstreamFailure>>>,
    last_list: ToolsListCache,
    lists: ListCache,
}

impl SessionServer {
    pub(crate) fn new(
        pool: Arc<PoolContext>,
        server: ServerId,
        session: SessionId,
        eras: Arc<Mutex<HashMap<ServerId, KnownEras>>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            reconnect: Reconnect::new(pool, server, session, eras),
            list_tools: Arc::new(SingleFlight::new()),
            last_list: ToolsListCache::default(),
            lists: ListCache::default(),
        })
    }

    /// Sends a client's request.
    pub(crate) async fn send(
        &self,
        client: &Arc<ClientProfile>,
        request: &Outbound,
        peer: &Arc<dyn ClientPeer>,
    ) -> Result<Reply, UpstreamFailure> {
        let (mut may_repeat, mut is_renewed) = (is_plain_read(request.method), false);
        loop {
            let connection = tokio::select! {
                () = request.cancel.cancelled() => return Err(UpstreamFailure::Cancelled),
                connection = self.reconnect.connection(client) => connection?,
            };
            let _in_use = connection.in_use();
            let param_headers = self.param_headers(&connection, request);
            match connection.send(client, request, &param_headers, peer).await {
                Err(TransportFailure::SessionEnded(cause)) => {
                    connection.transport.close("session_ended");
                    if is_renewed {
                        // A new session did not help: the refusal has another reason.
                        return Err((*cause).into());
                    }
                    if !std::mem::take(&mut may_repeat) {
                        return Err(TransportFailure::SessionEnded(cause).into());
                    }
                    is_renewed = true;
                }
                outcome => return outcome.map_err(UpstreamFailure::from),
            }
        }
    }

    fn param_headers(&self, connection: &Connection, request: &Outbound) -> Arc<[ParamHeader]> {
        if request.method != method::TOOLS_CALL || !connection.uses_param_headers() {
            return Arc::default();
        }
        self.last_list.param_headers(request)
    }

    /// The server's tools, from a `tools/list` that starts after this call.
    pub(crate) async fn list_tools(
        self: &Arc<Self>,
        client: &Arc<ClientProfile>,
    ) -> Result<Arc<Listing>, UpstreamFailure> {
        let (server, client) = (Arc::clone(self), Arc::clone(client));
        let fetch = move || {
            let (server, client) = (Arc::clone(&server), Arc::clone(&client));
            async move { server.fetch_tools(&client).await }
        };
        self.list_tools.run(fetch).await.unwrap_or_else(|| Err(UpstreamFailure::Unreachable("shutting down".into())))
    }

    async fn fetch_tools(&self, client: &Arc<ClientProfile>) -> Result<Arc<Listing>, UpstreamFailure> {
        let previous = self.last_list.pages();
        let (connection, pages) = self.pages(client, method::TOOLS_LIST, "tools", MAX_TOOLS, &previous).await?;
        Ok(self.last_list.update(pages.pages, pages.note, &connection))
    }

    /// The items of another list: from memory where they are current, from the server otherwise.
    pub(crate) async fn list(
        &self,
        client: &Arc<ClientProfile>,
        kind: ListKind,
    ) -> Result<Arc<Vec<Bytes>>, UpstreamFailure> {
        let connection = self.reconnect.connection(client).await?;
        let capability = list_kind::capability(kind);
        if !capabilities::declares(&connection.server_info, capability) {
            return Ok(Arc::default());
        }
        let generation = generation(self.reconnect.generations(), kind);
        if capabilities::announces_changes(&connection.server_info, capability)
            && let Some(items) = self.lists.get(kind, generation)
        {
            return Ok(items);
        }
        let (method, member) = (list_kind::method(kind), list_kind::member(kind));
        let (_, pages) = self.pages(client, method, member, list_kind::MAX_ITEMS, &[]).await?;
        let items = Arc::new(pages.pages.iter().flat_map(|page| page.items.iter().cloned()).collect::<Vec<_>>());
        self.lists.put(kind, generation, &items);
        Ok(items)
    }

    /// All pages of a list. Requested again once when the server had ended the session.
    async fn pages(
        &self,
        client: &Arc<ClientProfile>,
        method: &'static str,
        member: &'static str,
        max_items: usize,
        previous: &[Arc<Page>],
    ) -> Result<(Arc<Connection>, AllPages), UpstreamFailure> {
        let timeout = self.reconnect.limits()?.list;
        let mut may_repeat = true;
        loop {
            let connection = self.reconnect.connection(client).await?;
            let in_use = connection.in_use();
            let ended = AtomicBool::new(false);
            let is_renewed = !may_repeat;
            let source = ConnectionPages { connection: &connection, client, method, session_ended: &ended, is_renewed };
            let keep_surplus = method == briefcase_mcp::method::TOOLS_LIST;
            let messages = connection.transport.messages();
            let pagination = Pagination { member, max_items, keep_surplus, timeout, messages };
            match pagination.fetch(&source, previous).await {
                Err(_) if ended.load(Ordering::SeqCst) && std::mem::take(&mut may_repeat) => {
                    connection.transport.close("session_ended");
                }
                outcome => {
                    let pages = outcome?;
                    drop(in_use);
                    return Ok((connection, pages));
                }
            }
        }
    }
}

/// Whether a request of this method has no effect, so that sending it again does no harm.
fn is_plain_read(name: &str) -> bool {
    matches!(
        name,
        method::PING
            | method::TOOLS_LIST
            | method::RESOURCES_LIST
            | method::RESOURCES_TEMPLATES_LIST
            | method::RESOURCES_READ
            | method::PROMPTS_LIST
            | method::PROMPTS_GET
            | method::COMPLETION_COMPLETE
            | method::TASKS_GET
            | method::TASKS_LIST
    )
}
