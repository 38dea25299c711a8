//! The change notifications that one connection wants: streams of modern clients, subscriptions of legacy clients.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use briefcase_json::raw::{object, quote};
use briefcase_mcp::{RequestId, method, notification};
use briefcase_types::ServerId;
use tokio_util::sync::CancellationToken;

use crate::{
    client_sink::{ClientSink, Route},
    view::View,
};

/// Resources that one connection may subscribe to.
pub(crate) const MAX_RESOURCES: usize = 1024;

/// A change that clients can be notified of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ChangeNotice {
    Tools,
    Prompts,
    Resources,
    /// One resource of a server.
    Resource(ServerId, String),
}

impl ChangeNotice {
    /// The notification for a legacy client.
    pub(crate) fn notification(&self, view: &View) -> bytes::Bytes {
        self.message(view, None)
    }

    /// The notification, with the stream's id for modern clients.
    fn message(&self, view: &View, stream: Option<&RequestId>) -> bytes::Bytes {
        let (method, uri) = match self {
            Self::Tools => (method::TOOLS_LIST_CHANGED, None),
            Self::Prompts => (method::PROMPTS_LIST_CHANGED, None),
            Self::Resources => (method::RESOURCES_LIST_CHANGED, None),
            Self::Resource(server, uri) => (method::RESOURCES_UPDATED, Some(quote(&view.join_uri(server, uri)))),
        };
        let meta = stream.map(stream_meta);
        let members = [("_meta", meta.as_deref()), ("uri", uri.as_deref())];
        let members: Vec<_> = members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let params = (!members.is_empty()).then(|| object(members));
        notification(method, params.as_deref().map(str::as_bytes))
    }
}

/// `_meta` of messages of a stream.
pub(crate) fn stream_meta(id: &RequestId) -> String {
    let id = String::from_utf8_lossy(id.as_json());
    object([("io.modelcontextprotocol/subscriptionId", &*id)])
}

/// The changes that one stream reports.
#[derive(Default)]
pub(crate) struct SubscriptionFilter {
    pub(crate) tools: bool,
    pub(crate) prompts: bool,
    pub(crate) resources: bool,
    /// Resources by server and the server's URI, with the URI that the client used.
    pub(crate) uris: HashMap<(ServerId, String), String>,
}

impl SubscriptionFilter {
    fn includes(&self, change: &ChangeNotice) -> bool {
        match change {
            ChangeNotice::Tools => self.tools,
            ChangeNotice::Prompts => self.prompts,
            ChangeNotice::Resources => self.resources,
            ChangeNotice::Resource(server, uri) => self.uris.contains_key(&(server.clone(), uri.clone())),
        }
    }

    /// The filter as it is acknowledged.
    fn to_json(&self) -> String {
        let uris = self.uris.values().map(|uri| quote(uri)).collect::<Vec<_>>().join(",");
        let uris = format!("[{uris}]");
        let members = [
            ("toolsListChanged", self.tools, "true"),
            ("promptsListChanged", self.prompts, "true"),
            ("resourcesListChanged", self.resources, "true"),
            ("resourceSubscriptions", !self.uris.is_empty(), &uris),
        ];
        object(members.into_iter().filter(|(_, wanted, _)| *wanted).map(|(name, _, value)| (name, value)))
    }
}

struct Stream {
    filter: SubscriptionFilter,
    /// Fires when this server ends the stream.
    end: CancellationToken,
}

/// All subscriptions of one connection.
#[derive(Default)]
pub(crate) struct Subscriptions(Mutex<State>);

#[derive(Default)]
struct State {
    streams: HashMap<RequestId, Stream>,
    /// The resources that a legacy client subscribed to.
    legacy: HashSet<(ServerId, String)>,
}

impl Subscriptions {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream and sends its acknowledgement first. Returns a token that fires when this server ends the stream, or
    /// `None` when `max` streams are open.
    pub(crate) fn open(
        &self,
        id: &RequestId,
        filter: SubscriptionFilter,
        max: usize,
        sink: &dyn ClientSink,
    ) -> Option<CancellationToken> {
        let meta = stream_meta(id);
        let acknowledged = object([("_meta", meta.as_str()), ("notifications", filter.to_json().as_str())]);
        let end = CancellationToken::new();
        let mut state = self.lock();
        if state.streams.len() >= max {
            return None;
        }
        // Under the lock, so that no notification overtakes it.
        let message = notification(method::SUBSCRIPTIONS_ACKNOWLEDGED, Some(acknowledged.as_bytes()));
        sink.send(Route::Related(id.clone()), message);
        state.streams.insert(id.clone(), Stream { filter, end: end.clone() });
        Some(end)
    }

    /// Removes a stream. Returns the resources that it reported.
    pub(crate) fn remove(&self, id: &RequestId) -> Vec<(ServerId, String)> {
        let stream = self.lock().streams.remove(id);
        stream.into_iter().flat_map(|stream| stream.filter.uris.into_keys()).collect()
    }

    /// The number of open streams.
    pub(crate) fn streams(&self) -> usize {
        self.lock().streams.len()
    }

    /// Whether any stream or subscription includes a resource.
    pub(crate) fn includes_resource(&self, server: &ServerId, uri: &str) -> bool {
        let (state, key) = (self.lock(), (server.clone(), uri.to_owned()));
        state.legacy.contains(&key) || state.streams.values().any(|stream| stream.filter.uris.contains_key(&key))
    }

    /// Whether a legacy client gets a change: always for lists, by subscription for resources.
    pub(crate) fn legacy_includes(&self, change: &ChangeNotice) -> bool {
        match change {
            ChangeNotice::Resource(server, uri) => self.lock().legacy.contains(&(server.clone(), uri.clone())),
            _ => true,
        }
    }

    /// Whether the legacy client subscribed to a resource.
    pub(crate) fn has_legacy(&self, server: &ServerId, uri: &str) -> bool {
        self.lock().legacy.contains(&(server.clone(), uri.to_owned()))
    }

    /// Whether the legacy client may subscribe to one more resource.
    pub(crate) fn may_subscribe(&self) -> bool {
        self.lock().legacy.len() < MAX_RESOURCES
    }

    /// Adds or removes a legacy client's subscription.
    pub(crate) fn set_legacy(&self, server: &ServerId, uri: &str, subscribed: bool) {
        let (mut state, key) = (self.lock(), (server.clone(), uri.to_owned()));
        if subscribed {
            state.legacy.insert(key);
        } else {
            state.legacy.remove(&key);
        }
    }

    /// Notifies the streams of a change.
    pub(crate) fn notify(&self, change: &ChangeNotice, view: &View, sink: &dyn ClientSink) {
        for (id, _) in self.lock().streams.iter().filter(|(_, stream)| stream.filter.includes(change)) {
            sink.send(Route::Related(id.clone()), change.message(view, Some(id)));
        }
    }

    /// Ends all streams with a result.
    pub(crate) fn end_all(&self) {
        self.lock().streams.values().for_each(|stream| stream.end.cancel());
    }
}
