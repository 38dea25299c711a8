//! Replaces pieces of a text.

use std::ops::Range;

use super::Cursor;

/// A text and the changes to be made to it.
///
/// ```
/// use briefcase_json::raw::{Patch, RawObject, quote};
/// let text = r#"{"uri": "a://b", "n": 1.50}"#;
/// let mut patch = Patch::new(text);
/// patch.replace(RawObject::parse(text).unwrap().get("uri").unwrap(), quote("s+a://b"));
/// assert_eq!(patch.finish().unwrap(), r#"{"uri": "s+a://b", "n": 1.50}"#);
/// ```
#[derive(Clone, Debug)]
pub struct Patch<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Patch<'a> {
    /// A patch of `text` without changes.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, edits: Vec::new() }
    }

    /// Replaces `part`, a slice of the text. Any other string is ignored.
    pub fn replace(&mut self, part: &'a str, with: impl Into<String>) {
        if let Some(range) = self.range_of(part) {
            self.edits.push((range, with.into()));
        }
    }

    /// Puts raw members (`"name":value`, separated by commas) at the front of `object`, a slice of the text that is an
    /// object. Any other string is ignored. At most once per object.
    pub fn prepend(&mut self, object: &'a str, members: &str) {
        let Some(range) = self.range_of(object) else { return };
        let mut cursor = Cursor::new(object.as_bytes());
        if !cursor.take(b'{') {
            return;
        }
        let at = range.start.saturating_add(cursor.position());
        let comma = if cursor.peek() == Some(b'}') || members.is_empty() { "" } else { "," };
        self.edits.push((at..at, format!("{members}{comma}")));
    }

    /// The range of a slice of the text.
    fn range_of(&self, part: &str) -> Option<Range<usize>> {
        let start = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        let range = start..start.checked_add(part.len())?;
        self.text.get(range.clone()).is_some().then_some(range)
    }

    /// The changed text, or `None` when nothing changes. Of two changes that overlap, the first in the text counts.
    #[must_use]
    pub fn finish(mut self) -> Option<String> {
        if self.edits.is_empty() {
            return None;
        }
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let added: usize = self.edits.iter().map(|(_, with)| with.len()).sum();
        let mut out = String::with_capacity(self.text.len().saturating_add(added));
        let mut at = 0;
        for (range, with) in &self.edits {
            if range.start < at {
                continue;
            }
            out.push_str(self.text.get(at..range.start).unwrap_or_default());
            out.push_str(with);
            at = range.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        Some(out)
    }
}
