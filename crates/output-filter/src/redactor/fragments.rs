//! Fragments of a secret: a message that contains almost all of it, in parts, in any order.
//!
//! Invariant: fragments count only together. A message with less than nine tenths of a secret keeps them, because a part of
//! a secret also occurs in ordinary text: a prefix such as `sk_live_`, a word of a passphrase.

use std::{collections::BTreeMap, ops::Range};

use aho_corasick::{AhoCorasick, MatchKind};
use briefcase_types::SecretBytes;

/// The minimum length of a fragment.
const FRAGMENT_MIN: usize = 6;
/// The minimum length of a form that is searched in fragments, and of its different characters.
const FORM_MIN: usize = 12;
const DISTINCT_MIN: usize = 6;
/// The maximum number of places of one fragment. It keeps the search linear for secrets that repeat themselves.
const OWNERS_MAX: usize = 8;

/// The fragments of every form, compiled for the search.
pub(super) struct Fragments {
    automaton: AhoCorasick,
    /// The forms and the places in them of each fragment.
    owners: Vec<Vec<(usize, usize)>>,
    /// The length of each form.
    lengths: Vec<usize>,
}

/// The fragments of one form that were found.
struct Found {
    covered: Vec<bool>,
    ranges: Vec<Range<usize>>,
}

impl Fragments {
    /// Compiles the fragments. The outer `None` stands for an automaton that cannot be built.
    pub(super) fn new(forms: &[SecretBytes]) -> Option<Option<Self>> {
        let mut grams: BTreeMap<Vec<u8>, Vec<(usize, usize)>> = BTreeMap::new();
        let mut lengths = Vec::new();
        for form in forms {
            form.expose(|form| {
                let distinct: std::collections::BTreeSet<u8> = form.iter().copied().collect();
                if form.len() < FORM_MIN || distinct.len() < DISTINCT_MIN {
                    return;
                }
                for (place, gram) in form.windows(FRAGMENT_MIN).enumerate() {
                    let owners = grams.entry(gram.to_vec()).or_default();
                    if owners.len() < OWNERS_MAX {
                        owners.push((lengths.len(), place));
                    }
                }
                lengths.push(form.len());
            });
        }
        if grams.is_empty() {
            return Some(None);
        }
        let (patterns, owners): (Vec<Vec<u8>>, Vec<_>) = grams.into_iter().unzip();
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&patterns).ok();
        patterns.into_iter().for_each(|pattern| drop(SecretBytes::new(pattern)));
        Some(Some(Self { automaton: automaton?, owners, lengths }))
    }

    /// Returns the ranges of all fragments of the forms that the squeezed text contains almost completely.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut forms: BTreeMap<usize, Found> = BTreeMap::new();
        for hit in self.automaton.find_overlapping_iter(text) {
            for (form, place) in self.owners.get(hit.pattern().as_usize()).into_iter().flatten() {
                let length = self.lengths.get(*form).copied().unwrap_or_default();
                let found =
                    forms.entry(*form).or_insert_with(|| Found { covered: vec![false; length], ranges: Vec::new() });
                found.covered.iter_mut().skip(*place).take(FRAGMENT_MIN).for_each(|covered| *covered = true);
                match found.ranges.last_mut() {
                    Some(last) if hit.start() <= last.end => last.end = last.end.max(hit.end()),
                    _ => found.ranges.push(hit.range()),
                }
            }
        }
        let complete = |found: &Found| {
            let covered = found.covered.iter().filter(|covered| **covered).count();
            covered.saturating_mul(10) >= found.covered.len().saturating_mul(9)
        };
        let ranges = forms.into_values().filter(complete).flat_map(|found| found.ranges);
        super::merged(ranges.collect())
    }
}
