//! The structure of results: structured content against its schema, binary data against its declared type.
//!
//! A result without structured or binary content is not parsed.

use std::{collections::BTreeSet, sync::LazyLock};

use aho_corasick::AhoCorasick;
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use briefcase_types::text;
use serde_json::Value;

use super::{FilterRefusal, FilterSpec, Flag, MessageShape, mime_sniff};
use briefcase_schema::Schema;

/// The number of bytes that are decoded to recognise binary data.
const HEAD: usize = 1024;

/// The members in a result that need a check. An escape may spell a member's name.
static MENTIONS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(["\"data\"", "\"blob\"", "\"structuredContent\"", "\\u"]).ok());

pub(super) fn check(answer: &[u8], spec: &FilterSpec<'_>, flags: &mut BTreeSet<Flag>) -> Result<(), FilterRefusal> {
    let (schema, is_task) = match spec.shape {
        MessageShape::Other => return Ok(()),
        MessageShape::Content => (None, false),
        MessageShape::ToolResult(schema) => (schema, false),
        MessageShape::Task(schema) => (schema, true),
    };
    if schema.is_none() && MENTIONS.as_ref().is_some_and(|mentions| !mentions.is_match(answer)) {
        return Ok(());
    }
    let result: Value = serde_json::from_slice(answer).map_err(|_| FilterRefusal::NotJson)?;
    let mut check = |result: &Value, schema: Option<&Schema>| {
        if let Some(schema) = schema {
            structured(result, schema)?;
        }
        if disagrees(result) {
            flags.insert(Flag::TextDisagrees);
        }
        contents(result).try_for_each(|block| binary_content(block, spec.limits.blob_bytes))
    };
    // A call may be answered with a task, and the state of a task may contain the result of its call.
    let is_task = is_task || result.get("resultType").and_then(Value::as_str) == Some("task");
    check(&result, schema.filter(|_| !is_task))?;
    match result.get("result").filter(|_| is_task) {
        Some(inner) => check(inner, schema),
        None => Ok(()),
    }
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

/// Returns every place of a result that may hold binary data: content blocks, resources in them, prompt messages,
/// contents of a resource.
fn contents(result: &Value) -> impl Iterator<Item = &Value> {
    let list = |name: &str| result.get(name).and_then(Value::as_array).into_iter().flatten();
    let messages = list("messages").filter_map(|message| message.get("content"));
    let messages = messages.flat_map(|content| match content {
        Value::Array(blocks) => blocks.iter().collect::<Vec<_>>(),
        one => vec![one],
    });
    let blocks = list("content").chain(list("contents")).chain(messages);
    blocks.flat_map(|block| std::iter::once(block).chain(block.get("resource")))
}

fn binary_content(block: &Value, blob_max: usize) -> Result<(), FilterRefusal> {
    let declares = matches!(block.get("type").and_then(Value::as_str), Some("image" | "audio"));
    let data = if declares { block.get("data") } else { block.get("blob") };
    let Some(data) = data else { return Ok(()) };
    let data = data.as_str().ok_or(FilterRefusal::NotBase64)?;
    if data.len() / 4 * 3 > blob_max {
        return Err(FilterRefusal::BlobTooLarge(blob_max));
    }
    if !is_base64(data.as_bytes()) {
        return Err(FilterRefusal::NotBase64);
    }
    let Some(declared) = block.get("mimeType").and_then(Value::as_str) else { return Ok(()) };
    let expected = match block.get("type").and_then(Value::as_str) {
        Some("image") => "image/",
        Some("audio") => "audio/",
        _ => "",
    };
    let shown = || text::printable(text::clip(declared, 80));
    if !declared.to_ascii_lowercase().starts_with(expected) {
        return Err(FilterRefusal::Kind { declared: shown(), found: "content of another type" });
    }
    let head = head(data).ok_or(FilterRefusal::NotBase64)?;
    match mime_sniff::mismatch(declared, &head) {
        Some(found) => Err(FilterRefusal::Kind { declared: shown(), found }),
        None => Ok(()),
    }
}

/// Returns whether the text is standard base64, padded to groups of four, without blanks.
fn is_base64(data: &[u8]) -> bool {
    let body = data.strip_suffix(b"==").or_else(|| data.strip_suffix(b"=")).unwrap_or(data);
    data.len().is_multiple_of(4) && body.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn head(data: &str) -> Option<Vec<u8>> {
    if data.len() <= HEAD {
        return STANDARD.decode(data).ok();
    }
    STANDARD_NO_PAD.decode(data.get(..HEAD)?).ok()
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
