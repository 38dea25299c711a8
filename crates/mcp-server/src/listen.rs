//! `subscriptions/listen`: streams of change notices for modern clients, and what legacy clients subscribed to.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use briefcase_mcp::{RequestId, method, notification};
use briefcase_types::ServerId;
use tokio_util::sync::CancellationToken;

use crate::{
    answer::Answer,
    calls::{tasks_required, uri_params},
    capability::{self, Offer},
    conversation::Inner,
    core::{Follow, Operation, Watch},
    incoming::Context,
    names::View,
    outlet::{Outlet, Route},
    refusal,
    running::Running,
    splice::{elements, object, quoted, string},
};

/// Resources that one conversation may watch.
const MAX_RESOURCES: usize = 1024;

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Tools,
    Prompts,
    Resources,
    /// One resource of a server.
    Resource(ServerId, String),
}

impl Change {
    pub(crate) const fn method(&self) -> &'static str {
        match self {
            Self::Tools => method::TOOLS_LIST_CHANGED,
            Self::Prompts => method::PROMPTS_LIST_CHANGED,
            Self::Resources => method::RESOURCES_LIST_CHANGED,
            Self::Resource(..) => method::RESOURCES_UPDATED,
        }
    }

    /// `params`; with the stream's id for modern clients.
    pub(crate) fn params(&self, view: &View, stream: Option<&RequestId>) -> Option<String> {
        let meta = stream.map(stream_meta);
        let uri = match self {
            Self::Resource(server, uri) => Some(quoted(&view.join_uri(server, uri))),
            _ => None,
        };
        let members = [("_meta", meta.as_deref()), ("uri", uri.as_deref())];
        let members: Vec<_> = members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        (!members.is_empty()).then(|| object(members))
    }
}

fn stream_meta(id: &RequestId) -> String {
    let id = String::from_utf8_lossy(id.as_json());
    object([("io.modelcontextprotocol/subscriptionId", &*id)])
}

/// What one stream is told of.
#[derive(Default)]
struct Filter {
    tools: bool,
    prompts: bool,
    resources: bool,
    /// Resources by server and the server's URI, with the URI the client used.
    uris: HashMap<(ServerId, String), String>,
}

impl Filter {
    fn wants(&self, change: &Change) -> bool {
        match change {
            Change::Tools => self.tools,
            Change::Prompts => self.prompts,
            Change::Resources => self.resources,
            Change::Resource(server, uri) => self.uris.contains_key(&(server.clone(), uri.clone())),
        }
    }

    /// The filter as it is acknowledged.
    fn to_json(&self) -> String {
        let list = |items: Vec<&String>| {
            format!("[{}]", items.into_iter().map(|item| quoted(item)).collect::<Vec<_>>().join(","))
        };
        let uris = list(self.uris.values().collect());
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
    filter: Filter,
    /// Fires when the stream ends from our side.
    farewell: CancellationToken,
}

/// All that one conversation listens to.
#[derive(Default)]
pub(crate) struct Listens(Mutex<State>);

#[derive(Default)]
struct State {
    streams: HashMap<RequestId, Stream>,
    /// What a legacy client subscribed to.
    session: HashSet<(ServerId, String)>,
}

impl Listens {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn any(&self) -> bool {
        !self.lock().streams.is_empty()
    }

    /// Whether anybody wants to know of a resource.
    pub(crate) fn wants(&self, server: &ServerId, uri: &str) -> bool {
        let (state, key) = (self.lock(), (server.clone(), uri.to_owned()));
        state.session.contains(&key) || state.streams.values().any(|stream| stream.filter.uris.contains_key(&key))
    }

    /// Whether the legacy client wants to know of a change: of lists always, of resources it subscribed to.
    pub(crate) fn session_wants(&self, change: &Change) -> bool {
        match change {
            Change::Resource(server, uri) => self.lock().session.contains(&(server.clone(), uri.clone())),
            _ => true,
        }
    }

    /// Whether the legacy client subscribed to a resource.
    pub(crate) fn has_session(&self, server: &ServerId, uri: &str) -> bool {
        self.lock().session.contains(&(server.clone(), uri.to_owned()))
    }

    pub(crate) fn may_subscribe(&self) -> bool {
        self.lock().session.len() < MAX_RESOURCES
    }

    /// Notes a legacy client's subscription or its end.
    pub(crate) fn session(&self, server: &ServerId, uri: &str, subscribed: bool) {
        let (mut state, key) = (self.lock(), (server.clone(), uri.to_owned()));
        if subscribed {
            state.session.insert(key);
        } else {
            state.session.remove(&key);
        }
    }

    /// Tells the streams of a change.
    pub(crate) fn tell(&self, change: &Change, view: &View, outlet: &dyn Outlet) {
        for (id, _) in self.lock().streams.iter().filter(|(_, stream)| stream.filter.wants(change)) {
            let params = change.params(view, Some(id));
            let message = notification(change.method(), params.as_deref().map(str::as_bytes));
            outlet.send(Route::Related(id.clone()), message);
        }
    }

    /// Ends all streams with a result.
    pub(crate) fn farewell(&self) {
        self.lock().streams.values().for_each(|stream| stream.farewell.cancel());
    }

    /// Which list changes any stream wants.
    fn watch(&self) -> Watch {
        let state = self.lock();
        let any = |which: fn(&Filter) -> bool| state.streams.values().any(|stream| which(&stream.filter));
        Watch {
            tools: any(|filter| filter.tools),
            prompts: any(|filter| filter.prompts),
            resources: any(|filter| filter.resources),
        }
    }
}

impl Inner {
    /// `subscriptions/listen`: answered only when the stream ends.
    pub(crate) async fn listen(self: &Arc<Self>, context: &Context) -> Answer {
        let offer = match self.offer(&context.client).await {
            Ok(offer) => offer,
            Err(refusal) => return Answer::Error(refusal::error(&refusal)),
        };
        let filter = match self.filter(context, &offer) {
            Ok(filter) => filter,
            Err(answer) => return answer,
        };
        if self.listens.lock().streams.len() >= self.shared.settings.listens {
            return too_many_streams();
        }
        let filter = self.subscribed(context, filter).await;
        let farewell = CancellationToken::new();
        let ack = object([("_meta", stream_meta(&context.id).as_str()), ("notifications", filter.to_json().as_str())]);
        {
            let mut state = self.listens.lock();
            if state.streams.len() >= self.shared.settings.listens {
                return too_many_streams();
            }
            // Under the lock, so that no notice overtakes it.
            let message = notification(method::SUBSCRIPTIONS_ACKNOWLEDGED, Some(ack.as_bytes()));
            self.outlet.send(Route::Related(context.id.clone()), message);
            state.streams.insert(context.id.clone(), Stream { filter, farewell: farewell.clone() });
        }
        let _open = Open { inner: self.clone(), context };
        self.watch_all(context);
        farewell.cancelled().await;
        let kind = ("resultType", r#""complete""#);
        Answer::result(object([kind, ("_meta", stream_meta(&context.id).as_str())]))
    }

    fn filter(&self, context: &Context, offer: &Offer) -> Result<Filter, Answer> {
        let members = context.members()?;
        let wanted = members
            .object("notifications")
            .ok_or_else(|| Answer::invalid_params("`params.notifications` must be an object"))?;
        let bad = |name: &str| Answer::invalid_params(format!("`params.notifications.{name}` has the wrong type"));
        let flag = |name: &'static str, kind: &str| match wanted.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(capability::has(&offer.capabilities, kind, "listChanged")),
            Some(_) => Err(bad(name)),
        };
        let list = |name: &'static str| match wanted.get(name) {
            None => Ok(Vec::new()),
            Some(raw) => {
                let items = elements(raw).filter(|items| items.len() <= MAX_RESOURCES).ok_or_else(|| bad(name))?;
                items.into_iter().map(|item| string(item).ok_or_else(|| bad(name))).collect::<Result<Vec<_>, _>>()
            }
        };
        list("taskIds")?;
        // None is acknowledged: servers are not asked to tell of tasks, so clients have to look.
        if wanted.get("taskIds").is_some() && !context.client.can.tasks {
            return Err(Answer::missing_capability(&tasks_required()));
        }
        let mut uris = HashMap::new();
        if capability::has(&offer.capabilities, "resources", "subscribe") {
            for uri in list("resourceSubscriptions")? {
                if let Some((server, local)) = self.view.split_uri(&uri).filter(|(server, _)| self.serves(server)) {
                    uris.insert((server, local.to_owned()), uri);
                }
            }
        }
        Ok(Filter {
            tools: flag("toolsListChanged", "tools")?,
            prompts: flag("promptsListChanged", "prompts")?,
            resources: flag("resourcesListChanged", "resources")?,
            uris,
        })
    }

    /// Subscribes at the servers; keeps of the filter what they accept.
    async fn subscribed(self: &Arc<Self>, context: &Context, mut filter: Filter) -> Filter {
        let mut refused = Vec::new();
        for key in filter.uris.keys() {
            if self.session_listens(&key.0, &key.1) {
                continue;
            }
            let answer = self.follow(context, key.0.clone(), Follow::Subscribe, uri_params(&key.1)).await;
            if matches!(answer, Answer::Error(_)) {
                refused.push(key.clone());
            }
        }
        filter.uris.retain(|key, _| !refused.contains(key));
        filter
    }

    /// Whether any conversation of the session wants to know of a resource. They share the connection to its server.
    fn session_listens(&self, server: &ServerId, uri: &str) -> bool {
        self.shared.of_session(self.session).iter().any(|other| other.listens.wants(server, uri))
    }

    /// Tells the core which list changes the session wants now.
    fn watch_all(&self, context: &Context) {
        let session = self.shared.of_session(self.session);
        let each = session.iter().map(|other| match other.ready.load(Ordering::Acquire) {
            true => Watch { tools: true, prompts: true, resources: true },
            false => other.listens.watch(),
        });
        let watch = each.fold(Watch::default(), |all, one| Watch {
            tools: all.tools || one.tools,
            prompts: all.prompts || one.prompts,
            resources: all.resources || one.resources,
        });
        for server in self.servers() {
            self.shared.core.watch(&self.line(server, &context.client), watch);
        }
    }
}

fn too_many_streams() -> Answer {
    Answer::invalid_params("too many streams are open; one stream can carry several kinds of notices")
}

/// An open stream; leaves the books when it ends, however it ends.
struct Open<'a> {
    inner: Arc<Inner>,
    context: &'a Context,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let stream = self.inner.listens.lock().streams.remove(&self.context.id);
        if self.inner.closing.is_cancelled() {
            return;
        }
        self.inner.watch_all(self.context);
        for (server, uri) in stream.into_iter().flat_map(|stream| stream.filter.uris.into_keys()) {
            if self.inner.session_listens(&server, &uri) {
                continue;
            }
            let operation = Operation::Follow { method: Follow::Unsubscribe, params: uri_params(&uri) };
            let call = self.inner.blueprint(self.context, server, operation);
            let mut running = Running::start(&self.inner.shared, call, None, self.inner.target(self.context));
            running.talk.put_away();
            tokio::spawn(async move {
                // Nothing depends on it: the server only learns that nobody listens.
                let _ = (&mut running.done).await;
            });
        }
    }
}
