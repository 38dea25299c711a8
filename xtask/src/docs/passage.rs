//! Extracts prose from documents and source files: paragraphs, without code blocks, tables and markup.

/// A paragraph, a heading or an item of a list.
pub struct Passage {
    /// The first line, from 1.
    pub line: usize,
    /// Whether it documents an item of code.
    pub is_doc: bool,
    /// The text on one line. Code in backticks is replaced by `CODE`.
    pub text: String,
}

/// The replacement of code in backticks: a word that no rule matches.
const CODE: &str = "`";

/// The passages of a Markdown document.
pub fn of_document(text: &str) -> Vec<Passage> {
    let mut reader = Reader::default();
    for (at, line) in text.lines().enumerate() {
        reader.line(at + 1, line);
    }
    reader.finish()
}

/// The passages in the comments of Rust or TypeScript.
pub fn of_code(text: &str) -> Vec<Passage> {
    let (mut passages, mut reader) = (Vec::new(), Reader::default());
    let (mut before, mut in_block) = (None, false);
    for (at, line) in text.lines().enumerate() {
        let comment = comment(line.trim(), &mut in_block);
        let marker = comment.map(|(marker, _)| marker);
        if marker != before {
            passages.extend(std::mem::take(&mut reader).finish());
            reader.is_doc = matches!(marker, Some("///" | "//!" | "/**"));
            before = marker;
        }
        if let Some((_, text)) = comment {
            reader.line(at + 1, text);
        }
    }
    passages.extend(reader.finish());
    passages
}

/// Returns the marker and the text of a comment line.
fn comment<'a>(line: &'a str, in_block: &mut bool) -> Option<(&'static str, &'a str)> {
    if *in_block {
        *in_block = !line.contains("*/");
        let text = line.split("*/").next().unwrap_or_default();
        return Some(("/**", text.strip_prefix('*').unwrap_or(text)));
    }
    if let Some(marker) = ["///", "//!"].iter().find(|marker| line.starts_with(**marker)) {
        return Some((marker, line.get(3..).unwrap_or_default()));
    }
    if let Some(text) = line.strip_prefix("//") {
        return Some(("//", text));
    }
    if let Some(text) = line.strip_prefix("/*") {
        *in_block = !text.contains("*/");
        let text = text.split("*/").next().unwrap_or_default();
        return Some(("/**", text.trim_start_matches('*')));
    }
    // A comment after code; a link has no blank before its slashes.
    line.split_once(" // ").map(|(_, text)| ("behind", text))
}

/// Joins lines into passages.
#[derive(Default)]
struct Reader {
    is_doc: bool,
    fenced: bool,
    open: Option<(usize, String)>,
    passages: Vec<Passage>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            self.fenced = !self.fenced;
            return self.end();
        }
        if self.fenced {
            return;
        }
        let apart = line.is_empty() || line.starts_with(['|', '<', '#']);
        let item = item(line);
        if apart || item.is_some() {
            self.end();
        }
        if line.starts_with(['|', '<']) || line.is_empty() {
            return;
        }
        let text = item.unwrap_or_else(|| line.trim_start_matches(['#', '>', ' ']));
        match &mut self.open {
            Some((_, open)) => {
                open.push(' ');
                open.push_str(text);
            }
            None => self.open = Some((number, text.to_owned())),
        }
        if line.starts_with('#') {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some((line, text)) = self.open.take() {
            self.passages.push(Passage { line, is_doc: self.is_doc, text: bare(&text) });
        }
    }

    fn finish(mut self) -> Vec<Passage> {
        self.end();
        self.passages
    }
}

/// Returns the text of a list item.
fn item(line: &str) -> Option<&str> {
    if let Some(text) = ["- ", "* ", "+ "].iter().find_map(|bullet| line.strip_prefix(bullet)) {
        return Some(text);
    }
    let (number, text) = line.split_once(". ")?;
    (!number.is_empty() && number.chars().all(|letter| letter.is_ascii_digit())).then_some(text)
}

/// Returns the words alone: code in backticks becomes one word, and a link its text.
fn bare(text: &str) -> String {
    let without_code: String =
        text.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { CODE }).collect();
    let mut bare = String::new();
    let mut rest = without_code.as_str();
    while let Some((before, after)) = rest.split_once("](") {
        bare.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    bare.replace(['[', ']', '*'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(passages: &[Passage]) -> Vec<(usize, &str)> {
        passages.iter().map(|passage| (passage.line, passage.text.as_str())).collect()
    }

    #[test]
    fn paragraphs_items_and_headings_are_separate_and_code_and_tables_are_left_out() {
        let text = "# Head\nOne line\nand `more` of [it](x.md).\n\n- item\n  goes on\n- next\n\n| a | b |\n```\ncode\n```\n1. first\n";
        let found = of_document(text);
        let expected = [(1, "Head"), (2, "One line and ` of it."), (5, "item goes on"), (7, "next"), (13, "first")];
        assert_eq!(texts(&found), expected);
    }

    #[test]
    fn comments_of_every_kind_are_read() {
        let text = "//! Top.\n\n/// Doc of\n/// two lines.\nfn a() {\n    // Why.\n    b(); // Behind.\n}\n/** TypeScript. */\n/*\n * Block.\n */\nconst c = \"http://d\"\n";
        let found = of_code(text);
        let expected =
            [(1, "Top."), (3, "Doc of two lines."), (6, "Why."), (7, "Behind."), (9, "TypeScript."), (11, "Block.")];
        assert_eq!(texts(&found), expected);
        let docs: Vec<bool> = found.iter().map(|passage| passage.is_doc).collect();
        assert_eq!(docs, [true, true, false, false, true, true]);
    }
}
