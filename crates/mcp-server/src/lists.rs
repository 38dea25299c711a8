//! Lists: one page, every server of the view in a fixed order, each item under its name in the view.

use briefcase_ports::{ConnectionKey, Definition, Era};
use briefcase_types::{Refusal, ServerId};
use bytes::Bytes;
use futures_util::future::join_all;

use crate::{
    answer::Answer,
    conversation::Inner,
    core::ListMethod,
    incoming::Context,
    names::View,
    refusal::unavailable,
    rewrite::Rewriter,
    splice::{Members, object},
    tasks::TaskIds,
};

/// Which list.
#[derive(Clone, Copy)]
enum Source {
    Tools,
    List(ListMethod),
}

impl Source {
    /// What the list is called in results.
    const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::List(ListMethod::Resources) => "resources",
            Self::List(ListMethod::ResourceTemplates) => "resourceTemplates",
            Self::List(ListMethod::Prompts) => "prompts",
        }
    }

    /// The capability of a server that has one.
    const fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::List(ListMethod::Prompts) => "prompts",
            Self::List(ListMethod::Resources | ListMethod::ResourceTemplates) => "resources",
        }
    }

    /// Which member of its items is a name.
    const fn name(self) -> &'static str {
        match self {
            Self::Tools | Self::List(ListMethod::Prompts) => "name",
            Self::List(ListMethod::Resources) => "uri",
            Self::List(ListMethod::ResourceTemplates) => "uriTemplate",
        }
    }
}

impl Inner {
    /// `tools/list`.
    pub(crate) async fn tools(&self, context: &Context) -> Answer {
        self.collect(context, Source::Tools).await.unwrap_or_else(|answer| answer)
    }

    /// `resources/list`, `resources/templates/list`, `prompts/list`.
    pub(crate) async fn list(&self, context: &Context, list: ListMethod) -> Answer {
        self.collect(context, Source::List(list)).await.unwrap_or_else(|answer| answer)
    }

    async fn collect(&self, context: &Context, source: Source) -> Result<Answer, Answer> {
        if context.members()?.get("cursor").is_some() {
            return Err(Answer::invalid_params("`params.cursor` is none of ours: lists have one page"));
        }
        let servers = self.servers();
        if servers.is_empty() && matches!(self.view, View::One(_)) {
            return Err(self.refused(context, &not_enabled()));
        }
        let alone = servers.len() == 1;
        let fetched = join_all(servers.iter().map(|server| self.fetch(context, server, source, alone))).await;
        let mut items = Vec::new();
        let mut failed = None;
        let mut any = false;
        for (server, result) in servers.iter().zip(fetched) {
            match result {
                Ok(raw) => {
                    any = true;
                    self.rename(context, server, source, &raw, &mut items);
                }
                Err(answer) => failed = failed.or(Some(answer)),
            }
        }
        match failed {
            Some(answer) if !any => Err(answer),
            _ => Ok(self.page(context, source, &items)),
        }
    }

    /// One server's items. Where there are others, a server that has no such list has an empty one, and a slow one is
    /// left out.
    async fn fetch(
        &self,
        context: &Context,
        server: &ServerId,
        source: Source,
        alone: bool,
    ) -> Result<Vec<Bytes>, Answer> {
        let line = self.line(server.clone(), &context.client);
        let work = async {
            let info = self.shared.core.info(&line).await.map_err(|refusal| self.refused(context, &refusal))?;
            let able = Members::of_bytes(&info.capabilities).is_some_and(|can| can.get(source.capability()).is_some());
            match (able, &self.view) {
                (true, _) => self.raw(&line, source).await.map_err(|refusal| self.refused(context, &refusal)),
                (false, View::All) => Ok(Vec::new()),
                (false, View::One(_)) => Err(Answer::unknown_method()),
            }
        };
        if alone {
            return work.await;
        }
        let slow = |_| {
            tracing::debug!(%server, list = source.member(), "left out of a list: no answer in time");
            let next_step = "Look at the server with `briefcase server test`.";
            self.refused(context, &unavailable("slow_server", "A server did not list what it has in time.", next_step))
        };
        tokio::time::timeout(self.shared.settings.list_timeout, work).await.unwrap_or_else(|late| Err(slow(late)))
    }

    async fn raw(&self, line: &ConnectionKey, source: Source) -> Result<Vec<Bytes>, Refusal> {
        match source {
            Source::Tools => {
                let tools = self.shared.core.tools(line).await?;
                Ok(tools.iter().map(|Definition { raw, .. }| raw.clone()).collect())
            }
            Source::List(list) => self.shared.core.list(line, list).await,
        }
    }

    fn rename(&self, context: &Context, server: &ServerId, source: Source, raw: &[Bytes], items: &mut Vec<Bytes>) {
        let ids = TaskIds { tasks: &self.shared.tasks, agent: &self.agent, server };
        let rewriter = Rewriter { view: &self.view, era: context.era(), ids, ttl_ms: self.shared.settings.ttl_ms };
        items.extend(raw.iter().map(|item| rewriter.item(source.name(), item)));
    }

    fn page(&self, context: &Context, source: Source, items: &[Bytes]) -> Answer {
        let mut array = String::with_capacity(items.iter().map(|item| item.len() + 1).sum::<usize>() + 2);
        array.push('[');
        for item in items {
            if array.len() > 1 {
                array.push(',');
            }
            array.push_str(&String::from_utf8_lossy(item));
        }
        array.push(']');
        match context.era() {
            Era::Legacy => Answer::result(object([(source.member(), array.as_str())])),
            Era::Modern => Answer::result(self.cacheable(&[(source.member(), &array)])),
        }
    }

    /// A modern result of ours that may be kept for a while, by this client alone.
    pub(crate) fn cacheable(&self, members: &[(&str, &str)]) -> String {
        let ttl = self.shared.settings.ttl_ms.to_string();
        let meta = format!(r#"{{"io.modelcontextprotocol/serverInfo":{}}}"#, crate::initialize::server_info());
        let head = [("resultType", r#""complete""#)];
        let tail = [("ttlMs", ttl.as_str()), ("cacheScope", r#""private""#), ("_meta", meta.as_str())];
        object(head.into_iter().chain(members.iter().copied()).chain(tail))
    }
}

/// The one server of the view is not there (any more).
pub(crate) fn not_enabled() -> Refusal {
    let message = "The server of this view is not enabled for this agent.";
    unavailable("server_not_enabled", message, "Enable it with `briefcase server`, or open another view.")
}
