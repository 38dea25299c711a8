//! A server's answer as its agent gets it: names, URIs and task ids of the view, and what the era asks of a result.
//!
//! Everything else stays byte for byte. When nothing has to change, nothing is parsed or copied.

use briefcase_ports::{Era, RpcError};
use briefcase_types::ServerId;
use bytes::Bytes;

use crate::{
    core::Follow,
    names::View,
    splice::{self, Draft, Members, may_have, quoted, string},
    tasks::{Runner, TaskIds},
    verbs::Verb,
};

/// How one server's answers change.
pub(crate) struct Rewriter<'a> {
    pub(crate) view: &'a View,
    pub(crate) era: Era,
    pub(crate) ids: TaskIds<'a>,
    pub(crate) ttl_ms: u32,
}

impl Rewriter<'_> {
    const fn server(&self) -> &ServerId {
        self.ids.server
    }

    /// The result of a request.
    pub(crate) fn result(&self, verb: Verb, raw: Bytes) -> Bytes {
        let renames = self.view.renames() && may_have(&raw, "uri");
        let tasks = may_have(&raw, "taskId");
        let reads = self.era == Era::Modern && verb == Verb::ReadResource;
        let typed = self.era == Era::Legacy || has_type(&raw);
        if !(renames || tasks || reads) {
            return if typed { raw } else { with_type(raw) };
        }
        let Ok(text) = std::str::from_utf8(&raw) else { return raw };
        let Some(members) = Members::of(text) else { return raw };
        let mut draft = Draft::new(text);
        if renames {
            self.uris(verb, &members, &mut draft);
        }
        if tasks {
            let is_task = matches!(verb, Verb::Task(follow) if follow != Follow::TaskResult)
                || members.string("resultType").as_deref() == Some("task");
            self.ids.hide(Runner::Server, is_task, &members, &mut draft);
        }
        if self.era == Era::Modern {
            self.era_members(reads, text, &members, &mut draft);
        }
        draft.finish_or(&raw)
    }

    /// `resultType`, and for what can be read again how long it may be kept: never shared between principals.
    fn era_members<'t>(&self, reads: bool, text: &'t str, members: &Members<'t>, draft: &mut Draft<'t>) {
        let mut missing = Vec::new();
        if members.get("resultType").is_none() {
            missing.push(r#""resultType":"complete""#.to_owned());
        }
        let complete = members.string("resultType").is_none_or(|kind| kind == "complete");
        if reads && complete {
            match members.get("cacheScope") {
                Some(scope) => draft.replace(scope, r#""private""#),
                None => missing.push(r#""cacheScope":"private""#.to_owned()),
            }
            if members.get("ttlMs").is_none() {
                missing.push(format!(r#""ttlMs":{}"#, self.ttl_ms));
            }
        }
        if !missing.is_empty() {
            draft.prepend(text, &missing.join(","));
        }
    }

    fn uris<'t>(&self, verb: Verb, members: &Members<'t>, draft: &mut Draft<'t>) {
        match verb {
            Verb::ReadResource => {
                for content in members.get("contents").and_then(splice::elements).into_iter().flatten() {
                    self.member(content, "uri", draft);
                }
            }
            Verb::GetPrompt => {
                for message in members.get("messages").and_then(splice::elements).into_iter().flatten() {
                    if let Some(content) = Members::of(message).and_then(|message| message.get("content")) {
                        self.content(content, draft);
                    }
                }
            }
            Verb::CallTool | Verb::Task(_) => {
                if let Some(content) = members.get("content") {
                    self.content(content, draft);
                }
                // A finished task holds the result of the call.
                if let Some(content) = members.object("result").and_then(|result| result.get("content")) {
                    self.content(content, draft);
                }
            }
            _ => {}
        }
    }

    /// One content block or an array of them.
    fn content<'t>(&self, raw: &'t str, draft: &mut Draft<'t>) {
        match splice::elements(raw) {
            Some(blocks) => blocks.into_iter().for_each(|block| self.block(block, draft)),
            None => self.block(raw, draft),
        }
    }

    fn block<'t>(&self, raw: &'t str, draft: &mut Draft<'t>) {
        let Some(block) = Members::of(raw) else { return };
        match block.string("type").as_deref() {
            Some("resource_link") => self.member(raw, "uri", draft),
            Some("resource") => {
                if let Some(resource) = block.get("resource") {
                    self.member(resource, "uri", draft);
                }
            }
            _ => {}
        }
    }

    fn member<'t>(&self, object: &'t str, name: &str, draft: &mut Draft<'t>) {
        if let Some(place) = Members::of(object).and_then(|members| members.get(name))
            && let Some(uri) = string(place)
        {
            draft.replace(place, quoted(&self.view.join_uri(self.server(), &uri)));
        }
    }

    /// One item of a list, under its name in the view.
    pub(crate) fn item(&self, name: &'static str, raw: &Bytes) -> Bytes {
        if !self.view.renames() {
            return raw.clone();
        }
        let Ok(text) = std::str::from_utf8(raw) else { return raw.clone() };
        let Some(members) = Members::of(text) else { return raw.clone() };
        let mut draft = Draft::new(text);
        if let Some(place) = members.get(name)
            && let Some(value) = string(place)
        {
            let joined = match name {
                "name" => self.view.join_name(self.server(), &value),
                _ => self.view.join_uri(self.server(), &value),
            };
            draft.replace(place, quoted(&joined));
        }
        draft.finish_or(raw)
    }

    /// A server's JSON-RPC error. Modern clients know only one code for an unknown resource.
    pub(crate) fn error(&self, mut error: RpcError) -> RpcError {
        if self.era == Era::Modern && error.code == -32002 {
            error.code = -32602;
        }
        if self.view.renames()
            && let Some(data) = &error.data
            && let Ok(text) = std::str::from_utf8(data)
        {
            let mut draft = Draft::new(text);
            self.member(text, "uri", &mut draft);
            error.data = Some(draft.finish_or(data));
        }
        error
    }
}

/// Whether the result says what it is (or may, by a name written with escapes).
fn has_type(raw: &[u8]) -> bool {
    may_have(raw, "resultType") && Members::of_bytes(raw).is_none_or(|members| members.get("resultType").is_some())
}

/// A modern result that says that it is complete.
pub(crate) fn with_type(raw: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&raw) else { return raw };
    let Some(rest) = text.trim_start().strip_prefix('{') else { return raw };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    format!(r#"{{"resultType":"complete"{comma}{rest}"#).into()
}

#[cfg(test)]
mod tests;
