//! Secrets that are split over the strings of one message: content blocks, members, names, elements of a list.
//!
//! Invariant: the search takes time in proportion to the message. Of a long string only its two ends are joined with its
//! neighbours.

use std::{collections::BTreeMap, ops::Range};

use serde_json::Value;

use super::{Redactor, encodings::squeeze};

/// Separates strings that are not neighbours. No squeezed text contains it.
const BREAK: u8 = 0xff;

/// The maximum number of pieces whose parts of secrets are distinguished. A larger message with a secret is rejected.
const PIECES_MAX: usize = 200_000;

/// Members of MCP messages whose values are fixed words. They do not separate the parts of a secret.
const FIXED: [&str; 6] = ["type", "mimeType", "role", "jsonrpc", "resultType", "audience"];

/// One string or name of a message, or the numbers between two of them.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) kind: PieceKind,
    /// The member's name, which an array passes on to its elements.
    pub(crate) group: &'a str,
}

/// The kind of piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PieceKind {
    /// A member's name.
    Name,
    /// A string.
    Text,
    /// The numbers between two strings.
    Numbers,
}

/// The squeezed pieces, one after another.
struct Squeezed {
    bytes: Vec<u8>,
    /// The place of each piece in `bytes`.
    places: Vec<Range<usize>>,
}

/// A sequence of pieces or of their ends.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    /// The place in `bytes`, the piece and the place in it of each part.
    parts: Vec<(usize, usize, Range<usize>)>,
    /// Whether the parts are left out, to save memory.
    bare: bool,
}

impl Joined {
    fn push(&mut self, squeezed: &Squeezed, index: usize, reach: usize) {
        let Some(place) = squeezed.places.get(index).filter(|place| !place.is_empty()) else { return };
        let length = place.len();
        let ends = if length <= reach.saturating_mul(2) {
            [0..length, length..length]
        } else {
            [0..reach, length.saturating_sub(reach)..length]
        };
        for local in ends.into_iter().filter(|local| !local.is_empty()) {
            if local.start > 0 {
                self.bytes.push(BREAK);
            }
            let from = place.start.saturating_add(local.start)..place.start.saturating_add(local.end);
            if !self.bare {
                self.parts.push((self.bytes.len(), index, local));
            }
            self.bytes.extend_from_slice(squeezed.bytes.get(from).unwrap_or_default());
        }
    }

    /// Returns the pieces under a range, with the range in each.
    fn under(&self, range: &Range<usize>) -> Vec<(usize, Range<usize>)> {
        let first = self.parts.partition_point(|(at, ..)| *at <= range.start).saturating_sub(1);
        let parts = self.parts.iter().skip(first).take_while(|(at, ..)| *at < range.end);
        let within = |(at, index, local): &(usize, usize, Range<usize>)| {
            let start = local.start.saturating_add(range.start.saturating_sub(*at));
            let end = local.end.min(local.start.saturating_add(range.end.saturating_sub(*at)));
            (start < end).then_some((*index, start..end))
        };
        parts.filter_map(within).collect()
    }
}

impl Redactor {
    /// Returns the parts of secrets that are split over several pieces: the piece, and the range in its text. Returns `None`
    /// when a message of very many pieces contains a secret.
    pub(crate) fn find_across(&self, pieces: &[Piece<'_>]) -> Option<BTreeMap<usize, Vec<Range<usize>>>> {
        let squeezed = squeeze_all(pieces);
        let mut found: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
        if let Some(automaton) = &self.squeezed {
            let many = pieces.len() > PIECES_MAX;
            for joined in sequences(pieces, &squeezed, self.squeezed_max, many) {
                if many && automaton.is_match(&joined.bytes) {
                    return None;
                }
                for hit in automaton.find_iter(&joined.bytes).take_while(|_| !many) {
                    let parts = joined.under(&hit.range());
                    if parts.len() > 1 || parts.iter().any(|(index, _)| is_numbers(pieces, *index)) {
                        parts.into_iter().for_each(|(index, range)| found.entry(index).or_default().push(range));
                    }
                }
            }
        }
        for range in self.fragments.as_ref().map(|fragments| fragments.find(&squeezed.bytes)).unwrap_or_default() {
            let index = squeezed.places.partition_point(|place| place.end <= range.start);
            if let Some(place) = squeezed.places.get(index) {
                let local = range.start.saturating_sub(place.start)..range.end.saturating_sub(place.start);
                found.entry(index).or_default().push(local);
            }
        }
        let source = |(index, ranges): (usize, Vec<Range<usize>>)| {
            let text = pieces.get(index).map(|piece| piece.text.as_bytes()).unwrap_or_default();
            (index, squeeze::sources(text, &super::merged(ranges)))
        };
        Some(found.into_iter().map(source).collect())
    }
}

/// Numbers are not searched by themselves.
fn is_numbers(pieces: &[Piece<'_>], index: usize) -> bool {
    pieces.get(index).is_some_and(|piece| piece.kind == PieceKind::Numbers)
}

fn squeeze_all(pieces: &[Piece<'_>]) -> Squeezed {
    let mut squeezed = Squeezed { bytes: Vec::new(), places: Vec::with_capacity(pieces.len()) };
    for piece in pieces {
        let start = squeezed.bytes.len();
        squeeze::squeeze_into(piece.text.as_bytes(), &mut squeezed.bytes);
        squeezed.places.push(start..squeezed.bytes.len());
        squeezed.bytes.push(BREAK);
    }
    squeezed
}

/// Returns the sequences in which parts of a secret may follow each other: all values; the values of each group; the names;
/// names and values.
fn sequences(pieces: &[Piece<'_>], squeezed: &Squeezed, reach: usize, bare: bool) -> [Joined; 4] {
    let joined = || Joined { bare, ..Joined::default() };
    let [mut values, mut groups, mut names, mut all] = [joined(), joined(), joined(), joined()];
    let mut of_group: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, piece) in pieces.iter().enumerate() {
        all.push(squeezed, index, reach);
        if piece.kind == PieceKind::Name {
            names.push(squeezed, index, reach);
        } else if !FIXED.contains(&piece.group) {
            values.push(squeezed, index, reach);
            of_group.entry(piece.group).or_default().push(index);
        }
    }
    if of_group.len() > 1 {
        for group in of_group.into_values().filter(|group| group.len() > 1) {
            group.into_iter().for_each(|index| groups.push(squeezed, index, reach));
            groups.bytes.push(BREAK);
        }
    }
    [values, groups, names, all]
}

/// Collects the pieces of a value, with owned texts.
pub(super) fn pieces_of(value: &Value, group: &str, pieces: &mut Vec<(PieceKind, String, String)>) {
    match value {
        Value::String(text) => pieces.push((PieceKind::Text, group.to_owned(), text.clone())),
        Value::Number(number) => pieces.push((PieceKind::Numbers, group.to_owned(), number.to_string())),
        Value::Array(items) => items.iter().for_each(|item| pieces_of(item, group, pieces)),
        Value::Object(members) => {
            for (name, member) in members {
                pieces.push((PieceKind::Name, String::new(), name.clone()));
                pieces_of(member, name, pieces);
            }
        }
        _ => {}
    }
}
