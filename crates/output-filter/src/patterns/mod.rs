//! Texts with the form of a credential: the second line of defence, for secrets that Briefcase never stored.
//!
//! Patterns with little doubt cause a replacement; the others a flag, because a tool that cannot return an identifier
//! is useless. A first pass searches the literal prefixes of all patterns at once. Only patterns with a found prefix
//! are tried.

mod credential_patterns;

use std::{ops::Range, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use credential_patterns::{CREDENTIAL_PATTERNS, Confidence, CredentialPattern};
use regex::Regex;

use crate::{Flag, REDACTED, findings::FilterFindings};

struct Detector {
    beginnings: AhoCorasick,
    /// The prefixes, and the pattern of each.
    owners: Vec<(&'static str, usize)>,
    families: Vec<(Regex, &'static CredentialPattern)>,
}

/// Every pattern is a constant of this crate, and a test compiles each. Without a detector, no credential is found.
static DETECTOR: LazyLock<Option<Detector>> = LazyLock::new(|| {
    let families: Option<Vec<_>> =
        CREDENTIAL_PATTERNS.iter().map(|family| Regex::new(family.pattern).ok().map(|regex| (regex, family))).collect();
    let listed = CREDENTIAL_PATTERNS.iter().enumerate();
    let owners: Vec<(&'static str, usize)> =
        listed.flat_map(|(owner, family)| family.begins.iter().map(move |begin| (*begin, owner))).collect();
    let begins = owners.iter().map(|(begin, _)| begin);
    let beginnings = AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(begins);
    let beginnings = beginnings.ok()?;
    Some(Detector { beginnings, owners, families: families? })
});

/// Returns the text without credentials; `None` when it contains no credential.
pub(super) fn redact(text: &str, found: &mut FilterFindings) -> Option<String> {
    let detector = DETECTOR.as_ref()?;
    let mut ranges = detector.find(text, &mut found.flags);
    super::structure::signs(text, &mut found.flags);
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    found.flags.insert(Flag::Credential);
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for range in ranges.into_iter() {
        if range.start < from {
            continue;
        }
        out.push_str(text.get(from..range.start).unwrap_or_default());
        out.push_str(REDACTED);
        from = range.end;
        found.redactions.pattern = found.redactions.pattern.saturating_add(1);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Some(out)
}

impl Detector {
    fn find(&self, text: &str, flags: &mut std::collections::BTreeSet<Flag>) -> Vec<Range<usize>> {
        let mut tried = vec![false; self.families.len()];
        for hit in self.beginnings.find_overlapping_iter(text) {
            let Some((begin, owner)) = self.owners.get(hit.pattern().as_usize()) else { continue };
            let Some(tried) = tried.get_mut(*owner) else { continue };
            *tried = *tried || promising(text, hit.range(), begin, *owner);
        }
        let mut ranges = Vec::new();
        for ((regex, family), _) in self.families.iter().zip(tried).filter(|(_, tried)| *tried) {
            let hits = regex.captures_iter(text).filter_map(|hit| {
                let whole = hit.get(0)?;
                let secret = hit.get(1).unwrap_or(whole);
                let real = (family.real)(secret.as_str());
                (real && bounded(text, whole.range(), family)).then(|| secret.range())
            });
            match family.sure {
                Confidence::Replace => ranges.extend(hits),
                Confidence::Flag => {
                    if hits.count() > 0 {
                        flags.insert(Flag::PossibleCredential);
                    }
                }
            }
        }
        ranges
    }
}

/// Returns whether a prefix is worth the full pattern: the case matches that of the pattern, and a lone full stop has
/// another one where the second part of a token ends.
fn promising(text: &str, hit: Range<usize>, begin: &str, owner: usize) -> bool {
    if begin == "." {
        return text.as_bytes().get(hit.end.saturating_add(6)) == Some(&b'.');
    }
    let any_case = CREDENTIAL_PATTERNS.get(owner).is_some_and(|family| family.pattern.contains("(?i-u"));
    any_case || text.get(hit) == Some(begin)
}

/// Returns whether the match is not part of a longer word.
fn bounded(text: &str, range: Range<usize>, family: &CredentialPattern) -> bool {
    let word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let joined_left = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '+');
    let before = text.get(..range.start).and_then(|text| text.chars().next_back());
    let after = text.get(range.end..).and_then(|text| text.chars().next());
    let left = !family.word_left || !before.is_some_and(joined_left);
    left && (!family.word_right || !after.is_some_and(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_compiles_and_is_reached_by_its_beginnings() {
        assert!(DETECTOR.is_some(), "a pattern does not compile");
        for family in CREDENTIAL_PATTERNS {
            assert!(
                !family.begins.is_empty() && family.begins.iter().all(|begin| !begin.is_empty()),
                "{}",
                family.pattern
            );
        }
    }
}
