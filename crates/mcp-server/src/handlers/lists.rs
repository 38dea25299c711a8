//! Lists: one page, every server of the view in a fixed order, each item under its name in the view.

use briefcase_json::raw::{RawObject, object};
use briefcase_ports::{ConnectionKey, ListKind, Reply};
use briefcase_types::{Era, Refusal, ServerId};
use bytes::Bytes;
use futures_util::future::join_all;

use crate::{
    connection_state::ConnectionState,
    refusal::{self, not_enabled, unavailable},
    reply,
    request::Request,
    rewrite::Rewriter,
    view::View,
};

/// The list of a request.
#[derive(Clone, Copy)]
pub(crate) enum List {
    Tools,
    Other(ListKind),
}

impl List {
    /// The list's member in results.
    const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Other(ListKind::Resources) => "resources",
            Self::Other(ListKind::ResourceTemplates) => "resourceTemplates",
            Self::Other(ListKind::Prompts) => "prompts",
        }
    }

    /// The capability of a server that has the list.
    const fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Other(ListKind::Prompts) => "prompts",
            Self::Other(ListKind::Resources | ListKind::ResourceTemplates) => "resources",
        }
    }

    /// The member of an item that is its name.
    const fn name_member(self) -> &'static str {
        match self {
            Self::Tools | Self::Other(ListKind::Prompts) => "name",
            Self::Other(ListKind::Resources) => "uri",
            Self::Other(ListKind::ResourceTemplates) => "uriTemplate",
        }
    }
}

/// Handles a list request.
pub(crate) async fn list(state: &ConnectionState, request: &Request, list: List) -> Reply {
    collect(state, request, list).await.unwrap_or_else(|reply| reply)
}

async fn collect(state: &ConnectionState, request: &Request, list: List) -> Result<Reply, Reply> {
    if request.members()?.get("cursor").is_some() {
        return Err(reply::invalid_params("`params.cursor` is invalid: lists have one page"));
    }
    let servers = state.servers();
    if servers.is_empty() && matches!(state.view, View::One(_)) {
        return Err(refusal::reply(request, &not_enabled()));
    }
    let alone = servers.len() == 1;
    let fetched = join_all(servers.iter().map(|server| fetch(state, request, server, list, alone))).await;
    let mut items = Vec::new();
    let mut first_error = None;
    let mut any = false;
    for (server, result) in servers.iter().zip(fetched) {
        match result {
            Ok(raw) => {
                any = true;
                rename(state, request, server, list, &raw, &mut items);
            }
            Err(reply) => first_error = first_error.or(Some(reply)),
        }
    }
    match first_error {
        Some(reply) if !any => Err(reply),
        _ => Ok(page(state, request, list, &items)),
    }
}

/// One server's items. In a view of several servers, a server without this list counts as empty, and a slow server is
/// left out.
async fn fetch(
    state: &ConnectionState,
    request: &Request,
    server: &ServerId,
    list: List,
    alone: bool,
) -> Result<Vec<Bytes>, Reply> {
    let connection = state.connection_key(server.clone(), &request.client);
    let refused = |refusal: Refusal| refusal::reply(request, &refusal);
    let work = async {
        let info = state.services().calls.server_info(&connection).await.map_err(refused)?;
        let capabilities = RawObject::from_slice(&info.capabilities);
        let has_list = capabilities.is_some_and(|all| all.get(list.capability()).is_some());
        match (has_list, &state.view) {
            (true, _) => raw_items(state, &connection, list).await.map_err(refused),
            (false, View::All) => Ok(Vec::new()),
            (false, View::One(_)) => Err(reply::unknown_method()),
        }
    };
    if alone {
        return work.await;
    }
    let slow = |_| {
        tracing::debug!(%server, list = list.member(), "server left out of a list: no answer in time");
        let next_step = "Test the server with `briefcase server test`.";
        refused(unavailable("slow_server", "A server did not send its list in time.", next_step))
    };
    tokio::time::timeout(state.services().config.list_timeout, work).await.unwrap_or_else(|late| Err(slow(late)))
}

async fn raw_items(state: &ConnectionState, connection: &ConnectionKey, list: List) -> Result<Vec<Bytes>, Refusal> {
    match list {
        List::Tools => state.services().calls.list_tools(connection).await,
        List::Other(kind) => state.services().calls.list(connection, kind).await,
    }
}

fn rename(
    state: &ConnectionState,
    request: &Request,
    server: &ServerId,
    list: List,
    raw: &[Bytes],
    items: &mut Vec<Bytes>,
) {
    let ids = state.task_ids(server);
    let rewriter = Rewriter { view: &state.view, era: request.era(), ids, ttl_ms: state.services().config.ttl_ms };
    items.extend(raw.iter().map(|item| rewriter.item(list.name_member(), item)));
}

fn page(state: &ConnectionState, request: &Request, list: List, items: &[Bytes]) -> Reply {
    let mut array = String::with_capacity(items.iter().map(|item| item.len() + 1).sum::<usize>() + 2);
    array.push('[');
    for item in items {
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(&String::from_utf8_lossy(item));
    }
    array.push(']');
    match request.era() {
        Era::Legacy => reply::result(object([(list.member(), array.as_str())])),
        Era::Modern => reply::cacheable(state.services().config.ttl_ms, &[(list.member(), &array)]),
    }
}
