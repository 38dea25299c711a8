//! The structure of results: structured content against its schema, binary data against its declared type ([`media`]).
//!
//! A result without structured or binary content is not parsed.

use std::{collections::BTreeSet, sync::LazyLock};

use aho_corasick::AhoCorasick;
use briefcase_json::raw::RawObject;
use serde_json::Value;

use super::{FilterRefusal, FilterSpec, Flag, MessageShape, media};
use briefcase_schema::Schema;

/// The members in a result that need a check. An escape may spell a member's name.
static MENTIONS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(["\"data\"", "\"blob\"", "\"structuredContent\"", "\\u"]).ok());

/// Checks a message. Returns the text with repaired binary data, or `None` when nothing had to be repaired.
pub(super) fn check(
    answer: &[u8],
    spec: &FilterSpec<'_>,
    flags: &mut BTreeSet<Flag>,
) -> Result<Option<String>, FilterRefusal> {
    let (schema, is_task) = match spec.shape {
        MessageShape::Other => return Ok(None),
        MessageShape::Content => (None, false),
        MessageShape::ToolResult(schema) => (schema, false),
        MessageShape::Task(schema) => (schema, true),
    };
    if schema.is_none() && MENTIONS.as_ref().is_some_and(|mentions| !mentions.is_match(answer)) {
        return Ok(None);
    }
    let result: Value = serde_json::from_slice(answer).map_err(|_| FilterRefusal::NotJson)?;
    let mut check = |result: &Value, schema: Option<&Schema>| {
        if let Some(schema) = schema {
            structured(result, schema)?;
        }
        if disagrees(result) {
            flags.insert(Flag::TextDisagrees);
        }
        Ok(())
    };
    // A call may be answered with a task, and the state of a task may contain the result of its call.
    let is_task = is_task || result.get("resultType").and_then(Value::as_str) == Some("task");
    check(&result, schema.filter(|_| !is_task))?;
    let inner = result.get("result").filter(|_| is_task);
    if let Some(inner) = inner {
        check(inner, schema)?;
    }
    let is_task = inner.is_some();
    drop(result);
    repair_media(std::str::from_utf8(answer).map_err(|_| FilterRefusal::NotJson)?, is_task, spec, flags)
}

/// Repairs the binary data of a result, and of the result inside the state of a task.
fn repair_media(
    text: &str,
    is_task: bool,
    spec: &FilterSpec<'_>,
    flags: &mut BTreeSet<Flag>,
) -> Result<Option<String>, FilterRefusal> {
    let max = spec.limits.blob_bytes;
    let outer = media::repair(text, max, flags)?;
    if !is_task {
        return Ok(outer);
    }
    let text = outer.as_deref().unwrap_or(text);
    let Some(members) = RawObject::parse(text) else { return Ok(outer) };
    let inner = members.get("result").map(|inner| media::repair(inner, max, flags)).transpose()?.flatten();
    Ok(inner.map(|inner| members.with(&[("result", Some(&inner))])).or(outer))
}

/// Checks that a result of a tool with an output schema has matching structured content, unless it is an error or not
/// the end of the call (`input_required`, a task).
fn structured(result: &Value, schema: &Schema) -> Result<(), FilterRefusal> {
    let is_error = result.get("isError") == Some(&Value::Bool(true));
    let unfinished = result.get("resultType").and_then(Value::as_str).is_some_and(|kind| kind != "complete");
    match result.get("structuredContent") {
        Some(content) if !is_error => schema.validate(content).map_err(|violations| {
            let first = violations.first().map(ToString::to_string).unwrap_or_default();
            FilterRefusal::Structured(first)
        }),
        None if !is_error && !unfinished && result.get("task").is_none() => {
            Err(FilterRefusal::Structured("it is missing".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Returns whether a single text is JSON that differs from the structured content.
fn disagrees(result: &Value) -> bool {
    let (Some(content), Some(blocks)) = (result.get("structuredContent"), result.get("content")) else { return false };
    let texts: Vec<_> =
        blocks.as_array().into_iter().flatten().filter_map(|block| block.get("text")?.as_str()).collect();
    let [text] = texts.as_slice() else { return false };
    let said: Option<Value> = serde_json::from_str(text).ok();
    said.is_some_and(|said| (said.is_object() || said.is_array()) && said != *content)
}

/// Flags text that is invisible when rendered, and addresses that carry data.
pub(super) fn signs(text: &str, flags: &mut BTreeSet<Flag>) {
    if text.contains('<') {
        let lower = text.to_ascii_lowercase();
        let hidden = [
            "<!--",
            "display:none",
            "display: none",
            "visibility:hidden",
            "visibility: hidden",
            "font-size:0",
            "opacity:0",
        ];
        if hidden.iter().any(|sign| lower.contains(sign)) {
            flags.insert(Flag::HiddenMarkup);
        }
    }
    let carries = |from: &str| {
        from.split([')', ' ', '"', '\n'])
            .next()
            .is_some_and(|address| address.contains("://") && address.contains(['?', '#']))
    };
    if text.split("![").skip(1).filter_map(|rest| rest.split_once("](")).any(|(_, address)| carries(address)) {
        flags.insert(Flag::DataInAddress);
    }
}
