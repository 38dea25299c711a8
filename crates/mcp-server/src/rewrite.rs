//! Rewrites a server's reply for its agent: the view's names, URIs and task handles, and the members that the era demands.
//!
//! Invariant: everything else stays byte for byte. When nothing changes, nothing is parsed or copied.

use briefcase_json::raw::{Patch, RawObject, decode_string, elements, may_have, quote};
use briefcase_ports::{FollowUp, RpcError};
use briefcase_types::{Era, ServerId};
use bytes::Bytes;

use crate::{
    edit::edit_object,
    methods::Method,
    task_handles::{Runner, TaskIds},
    view::View,
};

/// Rewrites the replies of one server.
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

    /// Rewrites the result of a request.
    pub(crate) fn result(&self, method: Method, raw: Bytes) -> Bytes {
        let renames = self.view.renames() && may_have(&raw, "uri");
        let tasks = may_have(&raw, "taskId");
        let reads = self.era == Era::Modern && method == Method::ReadResource;
        let typed = self.era == Era::Legacy || has_result_type(&raw);
        if !(renames || tasks || reads) {
            return if typed { raw } else { with_result_type(raw) };
        }
        edit_object(&raw, |text, members, patch| {
            if renames {
                self.uris(method, members, patch);
            }
            if tasks {
                let is_task = matches!(method, Method::Task(follow_up) if follow_up != FollowUp::TaskResult)
                    || members.string("resultType").as_deref() == Some("task");
                self.ids.to_handles(Runner::Server, is_task, members, patch);
            }
            if self.era == Era::Modern {
                self.modern_members(reads, text, members, patch);
            }
        })
    }

    /// Adds `resultType`, and to cacheable results their lifetime. A result is never shared between agents.
    fn modern_members<'t>(&self, reads: bool, text: &'t str, members: &RawObject<'t>, patch: &mut Patch<'t>) {
        let mut missing = Vec::new();
        if members.get("resultType").is_none() {
            missing.push(r#""resultType":"complete""#.to_owned());
        }
        let complete = members.string("resultType").is_none_or(|kind| kind == "complete");
        if reads && complete {
            match members.get("cacheScope") {
                Some(scope) => patch.replace(scope, r#""private""#),
                None => missing.push(r#""cacheScope":"private""#.to_owned()),
            }
            if members.get("ttlMs").is_none() {
                missing.push(format!(r#""ttlMs":{}"#, self.ttl_ms));
            }
        }
        if !missing.is_empty() {
            patch.prepend(text, &missing.join(","));
        }
    }

    fn uris<'t>(&self, method: Method, members: &RawObject<'t>, patch: &mut Patch<'t>) {
        match method {
            Method::ReadResource => {
                for content in members.get("contents").and_then(elements).into_iter().flatten() {
                    self.member(content, "uri", patch);
                }
            }
            Method::GetPrompt => {
                for message in members.get("messages").and_then(elements).into_iter().flatten() {
                    if let Some(content) = RawObject::parse(message).and_then(|message| message.get("content")) {
                        self.content(content, patch);
                    }
                }
            }
            Method::CallTool | Method::Task(_) => {
                if let Some(content) = members.get("content") {
                    self.content(content, patch);
                }
                // A finished task contains the result of the call.
                if let Some(content) = members.object("result").and_then(|result| result.get("content")) {
                    self.content(content, patch);
                }
            }
            _ => {}
        }
    }

    /// One content block or an array of them.
    fn content<'t>(&self, raw: &'t str, patch: &mut Patch<'t>) {
        match elements(raw) {
            Some(blocks) => blocks.into_iter().for_each(|block| self.block(block, patch)),
            None => self.block(raw, patch),
        }
    }

    fn block<'t>(&self, raw: &'t str, patch: &mut Patch<'t>) {
        let Some(block) = RawObject::parse(raw) else { return };
        match block.string("type").as_deref() {
            Some("resource_link") => self.member(raw, "uri", patch),
            Some("resource") => {
                if let Some(resource) = block.get("resource") {
                    self.member(resource, "uri", patch);
                }
            }
            _ => {}
        }
    }

    fn member<'t>(&self, object: &'t str, name: &str, patch: &mut Patch<'t>) {
        if let Some(members) = RawObject::parse(object) {
            self.uri(&members, name, patch);
        }
    }

    fn uri<'t>(&self, members: &RawObject<'t>, name: &str, patch: &mut Patch<'t>) {
        if let Some(raw) = members.get(name)
            && let Some(uri) = decode_string(raw)
        {
            patch.replace(raw, quote(&self.view.join_uri(self.server(), &uri)));
        }
    }

    /// Rewrites one item of a list: its name in the view.
    pub(crate) fn item(&self, name: &'static str, raw: &Bytes) -> Bytes {
        if !self.view.renames() {
            return raw.clone();
        }
        edit_object(raw, |_, members, patch| {
            if name != "name" {
                self.uri(members, name, patch);
            } else if let Some(raw) = members.get(name)
                && let Some(value) = decode_string(raw)
            {
                patch.replace(raw, quote(&self.view.join_name(self.server(), &value)));
            }
        })
    }

    /// Rewrites a server's JSON-RPC error. Modern clients know only one code for an unknown resource.
    pub(crate) fn error(&self, mut error: RpcError) -> RpcError {
        if self.era == Era::Modern && error.code == -32002 {
            error.code = -32602;
        }
        if self.view.renames()
            && let Some(data) = &error.data
        {
            error.data = Some(edit_object(data, |_, members, patch| self.uri(members, "uri", patch)));
        }
        error
    }
}

/// Whether the result has a `resultType`.
fn has_result_type(raw: &[u8]) -> bool {
    may_have(raw, "resultType") && RawObject::from_slice(raw).is_none_or(|members| members.get("resultType").is_some())
}

/// Adds `"resultType":"complete"` to an object.
pub(crate) fn with_result_type(raw: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&raw) else { return raw };
    let Some(rest) = text.trim_start().strip_prefix('{') else { return raw };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    format!(r#"{{"resultType":"complete"{comma}{rest}"#).into()
}

#[cfg(test)]
mod tests;
