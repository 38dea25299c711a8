//! What servers say outside any request: gathered, limited, and passed on to those who want it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use briefcase_mcp::{ErrorCode, method, notification};
use briefcase_ports::RpcError;
use briefcase_types::ServerId;
use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    ask::{failure, unsupported},
    conversation::Inner,
    core::ServerEvent,
    listen::Change,
    notices::{Bucket, level_of},
    outlet::Route,
    running::ask_with_task_ids,
    splice::{Draft, Members, object, quoted},
    tasks::{Runner, TaskIds},
};

/// Different resources whose change may wait to be told.
const UPDATES: usize = 1024;

/// Changes that wait to be told.
pub(crate) struct Pending {
    gathered: Mutex<Gathered>,
    scheduled: AtomicBool,
    logs: Bucket,
}

#[derive(Default)]
struct Gathered {
    changes: BTreeSet<Change>,
    last: Option<Instant>,
}

impl Pending {
    pub(crate) fn new(logs_per_second: u32) -> Self {
        Self {
            gathered: Mutex::default(),
            scheduled: AtomicBool::new(false),
            logs: Bucket::new(logs_per_second, logs_per_second.saturating_mul(2)),
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes an event of a server.
    pub(crate) fn event(self: &Arc<Self>, server: &ServerId, event: ServerEvent) {
        if !self.serves(server) {
            return;
        }
        match event {
            ServerEvent::ToolsChanged => self.changed(Change::Tools),
            ServerEvent::PromptsChanged => self.changed(Change::Prompts),
            ServerEvent::ResourcesChanged => self.changed(Change::Resources),
            ServerEvent::ResourceUpdated { uri } => self.changed(Change::Resource(server.clone(), uri)),
            ServerEvent::Log { params } => self.log(server, params),
            ServerEvent::ElicitationComplete { params } => {
                if self.hears() && self.pending.logs.take() {
                    self.pass_on(server, method::ELICITATION_COMPLETE, params);
                }
            }
            ServerEvent::TaskStatus { params } => self.task_status(server, params),
        }
    }

    /// Whether a legacy client is there and ready for notices.
    fn hears(&self) -> bool {
        self.ready.load(Ordering::Acquire) && self.legacy_client().is_ok()
    }

    fn changed(self: &Arc<Self>, change: Change) {
        if !self.hears() && !self.listens.any() {
            return;
        }
        if let Change::Resource(server, uri) = &change
            && !self.listens.wants(server, uri)
        {
            return;
        }
        let settings = &self.shared.settings;
        let wait = {
            let mut gathered = self.pending.gathered();
            if gathered.changes.len() < UPDATES {
                gathered.changes.insert(change);
            }
            let next = gathered.last.map_or_else(Instant::now, |last| last + settings.notices_every);
            next.saturating_duration_since(Instant::now()).max(settings.gather)
        };
        if !self.pending.scheduled.swap(true, Ordering::AcqRel) {
            let inner = Arc::downgrade(self);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                if let Some(inner) = inner.upgrade() {
                    inner.flush();
                }
            });
        }
    }

    fn flush(&self) {
        self.pending.scheduled.store(false, Ordering::Release);
        let changes = {
            let mut gathered = self.pending.gathered();
            gathered.last = Some(Instant::now());
            std::mem::take(&mut gathered.changes)
        };
        if self.closing.is_cancelled() {
            return;
        }
        let hears = self.hears();
        for change in changes {
            if hears && self.listens.session_wants(&change) {
                let params = change.params(&self.view, None);
                let message = notification(change.method(), params.as_deref().map(str::as_bytes));
                self.outlet.send(Route::General, message);
            }
            self.listens.tell(&change, &self.view, &*self.outlet);
        }
    }

    fn log(&self, server: &ServerId, params: Bytes) {
        let wanted = level_of(&params) >= self.level.load(Ordering::Relaxed);
        if wanted && self.hears() && self.pending.logs.take() {
            self.pass_on(server, method::MESSAGE, params);
        }
    }

    /// Legacy clients hear of tasks; modern ones look.
    fn task_status(&self, server: &ServerId, params: Bytes) {
        if !self.hears() || !self.pending.logs.take() {
            return;
        }
        let Some(params) = self.shared.core.show(&self.agent, server, params) else { return };
        let Ok(text) = std::str::from_utf8(&params) else { return };
        let Some(members) = Members::of(text) else { return };
        let ids = TaskIds { tasks: &self.shared.tasks, agent: &self.agent, server };
        let mut draft = Draft::new(text);
        ids.hide(Runner::Server, true, &members, &mut draft);
        let message = notification(method::TASKS_STATUS, Some(draft.finish().as_bytes()));
        self.outlet.send(Route::General, message);
    }

    /// To a legacy client, through the output firewall.
    fn pass_on(&self, server: &ServerId, method: &str, params: Bytes) {
        if let Some(params) = self.shared.core.show(&self.agent, server, params) {
            self.outlet.send(Route::General, notification(method, Some(&params)));
        }
    }

    /// A server's question that belongs to no request.
    pub(crate) async fn server_request(
        &self,
        server: &ServerId,
        method: &str,
        params: Bytes,
    ) -> Result<Bytes, RpcError> {
        if method == method::PING {
            return Ok(Bytes::from_static(b"{}"));
        }
        let client = self.legacy_client().map_err(|_| unsupported())?;
        if !self.serves(server) || self.closing.is_cancelled() {
            return Err(failure("the client is gone"));
        }
        let params = match method {
            method::TASKS_GET | method::TASKS_RESULT | method::TASKS_CANCEL => self.client_task(server, &params)?,
            _ => {
                client.can.allow(method, std::str::from_utf8(&params).unwrap_or("{}")).map_err(|_| unsupported())?;
                params
            }
        };
        let ids = TaskIds { tasks: &self.shared.tasks, agent: &self.agent, server };
        ask_with_task_ids(&self.asker, Route::General, &ids, method, &params).await
    }

    /// `params` about a task that the client runs for this server, by the client's own id.
    fn client_task(&self, server: &ServerId, params: &Bytes) -> Result<Bytes, RpcError> {
        let code = ErrorCode::INVALID_PARAMS.0;
        let unknown = || RpcError { code, message: "there is no task with this id".to_owned(), data: None };
        let handle = Members::of_bytes(params).and_then(|members| members.string("taskId")).ok_or_else(unknown)?;
        let task = self.shared.tasks.find(&self.agent, Runner::Client, &handle).filter(|task| task.server == *server);
        let id = quoted(&task.ok_or_else(unknown)?.id);
        Ok(object([("taskId", id.as_str())]).into())
    }
}
