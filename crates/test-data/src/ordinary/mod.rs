//! Ordinary outputs of tools, made by a seeded generator. A filter must pass them unchanged.
//!
//! The same seed gives the same outputs on every machine.

mod code;
mod data;
mod machine;
mod prose;
mod rng;

use rng::Rng;

/// One ordinary output.
#[derive(Clone, Debug)]
pub struct OrdinaryOutput {
    /// The kind of output, for a report.
    pub kind: &'static str,
    /// The output itself.
    pub text: String,
}

type Maker = fn(&mut Rng) -> String;

/// Each kind of output and its maker.
const KINDS: &[(&str, Maker)] = &[
    ("json result", data::json_result),
    ("json list", data::json_list),
    ("csv", data::csv),
    ("checksums", data::checksums),
    ("identifiers", data::identifiers),
    ("image as base64", data::image),
    ("public keys", data::public_keys),
    ("lock file", data::lock_file),
    ("traces", data::traces),
    ("settings without secrets", data::settings),
    ("sql result", data::sql_result),
    ("source code", code::source),
    ("git diff", code::diff),
    ("git log", code::git_log),
    ("stack trace", code::stack_trace),
    ("compiler output", code::compiler),
    ("query", code::query),
    ("shell script", code::shell),
    ("log", machine::log),
    ("json log", machine::json_log),
    ("directory listing", machine::listing),
    ("file names", machine::file_names),
    ("test run in colours", machine::test_run),
    ("http head", machine::http_head),
    ("containers", machine::containers),
    ("windows text", machine::windows_text),
    ("html", prose::html),
    ("markdown", prose::markdown),
    ("mail", prose::mail),
    ("languages", prose::languages),
    ("right to left", prose::right_to_left),
    ("emoji", prose::emoji),
    ("calendar", prose::calendar),
    ("search results", prose::search_results),
    ("chat", prose::chat),
    ("how-to about secrets", prose::how_to),
];

/// Returns `count` outputs, every kind in turn.
pub fn outputs(seed: u64, count: usize) -> impl Iterator<Item = OrdinaryOutput> {
    let mut rng = Rng::new(seed);
    let kinds = KINDS.iter().cycle().take(count);
    kinds.map(move |(kind, make)| OrdinaryOutput { kind, text: make(&mut rng) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_outputs_and_few_are_alike() {
        let texts = |seed| outputs(seed, 5_000).map(|output| output.text).collect::<Vec<_>>();
        let (first, again, other) = (texts(1), texts(1), texts(2));
        assert_eq!(first, again);
        assert_ne!(first, other);
        let different: BTreeSet<&String> = first.iter().collect();
        assert!(different.len() > 4_900, "{}", different.len());
    }
}
