//! Bytes decoded from a source, with their places in it.

use std::ops::Range;

/// Decoded bytes, and the source of each part of them.
#[derive(Default)]
pub(in crate::redactor) struct DecodedView {
    pub(in crate::redactor) bytes: Vec<u8>,
    runs: Vec<Run>,
}

/// The source of a part of the view, up to the next run.
struct Run {
    view: usize,
    source: Range<usize>,
    /// Copied byte by byte. Otherwise the whole run was decoded from the whole source range.
    copied: bool,
}

impl DecodedView {
    /// Appends bytes that stay as they are.
    pub(super) fn copy(&mut self, source: &[u8], range: Range<usize>) {
        let bytes = source.get(range.clone()).unwrap_or_default();
        self.runs.push(Run { view: self.bytes.len(), source: range, copied: true });
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends bytes that were decoded from a range of the source.
    pub(super) fn decoded(&mut self, range: Range<usize>, bytes: &[u8]) {
        self.runs.push(Run { view: self.bytes.len(), source: range, copied: false });
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends bytes that were decoded from a range of the source and do not continue the bytes before them.
    pub(super) fn apart(&mut self, range: Range<usize>, bytes: &[u8]) {
        self.decoded(range.clone(), bytes);
        self.decoded(range.end..range.end, b"\xff\xff");
    }

    /// Returns the view, or `None` when it is empty.
    pub(super) fn filled(self) -> Option<Self> {
        (!self.bytes.is_empty()).then_some(self)
    }

    /// Returns the source of a range of the view.
    pub(in crate::redactor) fn source(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.run(range.start).map_or(0, |run| {
            if run.copied {
                run.source.start.saturating_add(range.start.saturating_sub(run.view))
            } else {
                run.source.start
            }
        });
        let last = range.end.saturating_sub(1).max(range.start);
        let end = self.run(last).map_or(0, |run| {
            if run.copied {
                run.source.start.saturating_add(last.saturating_sub(run.view)).saturating_add(1)
            } else {
                run.source.end
            }
        });
        start..end
    }

    fn run(&self, place: usize) -> Option<&Run> {
        let next = self.runs.partition_point(|run| run.view <= place);
        next.checked_sub(1).and_then(|index| self.runs.get(index))
    }
}
