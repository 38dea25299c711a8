//! Receipts as lines.

use briefcase_api::ReceiptRow;
use briefcase_types::{UnixMillis, text::clip};
use serde_json::Value;

use crate::{
    output::{Span, TextOutput, Tone, span},
    time_format,
};

/// Longest word of a summary in a list.
const WIDTH: usize = 60;

/// Receipts in a table.
pub fn output(rows: &[ReceiptRow]) -> TextOutput {
    let mut output = TextOutput::new();
    output.table(&["RECEIPT", "TIME", "WHAT", "AGENT", "ABOUT", "RESULT"], rows.iter().map(row).collect());
    output
}

fn text<'a>(receipt: &'a Value, name: &str) -> &'a str {
    receipt.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn row(row: &ReceiptRow) -> Vec<Span> {
    let receipt = &row.receipt;
    let at = UnixMillis(receipt.get("at").and_then(Value::as_u64).unwrap_or_default());
    vec![
        span(row.id.to_string(), Tone::Name),
        span(time_format::utc(at), Tone::Dim),
        text(receipt, "k").into(),
        text(receipt, "agent").into(),
        about(receipt).into(),
        result(receipt),
    ]
}

/// The subject of a receipt.
fn about(receipt: &Value) -> String {
    let (server, name) = (text(receipt, "server"), text(receipt, "name"));
    match text(receipt, "k") {
        "change" => words(receipt, "summary"),
        "start" => text(receipt, "program").to_owned(),
        "notice" => [text(receipt, "what"), text(receipt, "detail")].join(" ").trim().to_owned(),
        _ if !name.is_empty() => format!("{server}/{name}"),
        _ if !server.is_empty() => format!("{server} {}", text(receipt, "op")),
        _ if receipt.get("call").is_some() => format!("call {}", text(receipt, "call")),
        _ => String::new(),
    }
}

/// The result that a receipt records.
fn result(receipt: &Value) -> Span {
    match text(receipt, "k") {
        "intent" => span(text(receipt, "decision"), Tone::Good),
        "refusal" => span(format!("{} ({})", text(receipt, "code"), text(receipt, "reason")), Tone::Bad),
        "approval" => {
            let how = [text(receipt, "step"), text(receipt, "scope"), text(receipt, "factor")];
            let how: Vec<&str> = how.into_iter().filter(|word| !word.is_empty()).collect();
            span(how.join(", "), Tone::Warn)
        }
        "outcome" => {
            let number = |name: &str| receipt.get(name).and_then(Value::as_u64).unwrap_or_default();
            let status = text(receipt, "status");
            let tone = if status == "ok" { Tone::Good } else { Tone::Bad };
            span(format!("{status}, {} bytes, {} ms", number("bytes"), number("ms")), tone)
        }
        "change" => span(text(receipt, "factor"), Tone::Plain),
        "reconcile" => span(text(receipt, "verdict"), Tone::Warn),
        _ => "".into(),
    }
}

/// The first word of a list and the number of the others. The receipt itself has all of them.
fn words(receipt: &Value, name: &str) -> String {
    let list: Vec<&str> =
        receipt.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let first = clip(list.first().copied().unwrap_or_default(), WIDTH);
    match list.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first} and {} more", more - 1),
    }
}

#[cfg(test)]
mod tests {
    use briefcase_types::ReceiptIndex;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_receipt_has_a_line() {
        let receipts = [
            json!({"k":"start","at":0,"program":"briefcased/0.1.0"}),
            json!({"k":"change","at":1000,"factor":"pin","summary":["server_added-files-stdio","tool_accepted-files/a-x","tool_accepted-files/b-y"]}),
            json!({"k":"intent","at":2000,"agent":"codex","server":"files","name":"read_text_file","decision":"allow"}),
            json!({"k":"outcome","at":2010,"call":"AAAA","status":"ok","bytes":120,"ms":7}),
            json!({"k":"refusal","at":3000,"agent":"codex","server":"files","name":"read_text_file","code":"denied","reason":"policy"}),
            json!({"k":"approval","at":4000,"agent":"codex","step":"approved","scope":"once","factor":"pin","call":"BBBB"}),
            json!({"k":"notice","at":5000,"what":"locked"}),
            json!({"k":"something_later","at":6000}),
        ];
        let rows: Vec<ReceiptRow> =
            receipts.into_iter().zip(0..).map(|(receipt, at)| ReceiptRow { id: ReceiptIndex(at), receipt }).collect();
        insta::assert_snapshot!(output(&rows).render(false));
    }
}
