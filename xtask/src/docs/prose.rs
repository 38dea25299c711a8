//! The prose rules that a program can check, sentence by sentence.

use std::fmt;
use std::path::Path;

use super::passage::Passage;

/// A sentence that violates a rule.
pub struct Finding {
    place: String,
    rule: &'static str,
    sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.rule, self.sentence.chars().take(160).collect::<String>())
    }
}

/// Words that cannot be a whole sentence.
const BARE: [&str; 16] = [
    "whose", "what", "which", "who", "whom", "how", "when", "where", "why", "it", "that", "this", "one", "they",
    "them", "those",
];
/// Question words. A short sentence that begins with one names nothing.
const ASKING: [&str; 5] = ["whose", "what", "which", "who", "whom"];
/// Words before them that do not change the meaning.
const BEFORE: [&str; 13] = ["over", "to", "by", "from", "for", "in", "at", "with", "as", "of", "on", "and", "through"];
/// The minimum number of words of a sentence that begins with a question word.
const SAYS_MORE: usize = 5;

/// Phrases with a plainer form, and that form.
const PLAINER: [(&[&str], &str); 12] = [
    (&["is", "none"], "none: say invalid, missing, unknown or empty"),
    (&["are", "none"], "none: say invalid, missing, unknown or empty"),
    (&["was", "none"], "none: say invalid, missing, unknown or empty"),
    (&["were", "none"], "none: say invalid, missing, unknown or empty"),
    (&["none", "of", "ours"], "none: say whose it is, or that it is invalid"),
    (&["none", "of", "theirs"], "none: say whose it is, or that it is invalid"),
    (&["is", "told"], "told: say notified, given or informed"),
    (&["are", "told"], "told: say notified, given or informed"),
    (&["was", "told"], "told: say notified, given or informed"),
    (&["were", "told"], "told: say notified, given or informed"),
    (&["does", "not", "hold"], "hold: say that it is invalid or fails"),
    (&["do", "not", "hold"], "hold: say that they are invalid or fail"),
];

/// Returns the findings in one passage. Sentences may have `longest` words, if given.
pub fn check(path: &Path, passage: &Passage, longest: Option<usize>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, sentence) in sentences(&passage.text).into_iter().enumerate() {
        let words = words(sentence);
        let mut add = |rule| {
            let place = format!("{}:{}", path.display(), passage.line);
            findings.push(Finding { place, rule, sentence: sentence.to_owned() });
        };
        if is_bare(&words) || (passage.is_doc && at == 0 && only_asks(&words)) {
            add("bare: name the thing");
        }
        for (row, rule) in PLAINER {
            if position(&words, row).is_some_and(|at| !is_standard(&words, row, at)) {
                add(rule);
            }
        }
        if longest.is_some_and(|longest| words.len() > longest) {
            add("long: over 40 words, one idea each");
        }
    }
    findings
}

/// Matches a sentence of only question words and pronouns.
fn is_bare(words: &[String]) -> bool {
    let is = |list: &[&str], word: &String| list.iter().any(|known| known == word);
    words.iter().any(|word| is(&BARE, word)) && words.iter().all(|word| is(&BARE, word) || is(&BEFORE, word))
}

/// Matches a short sentence that begins like a question: "Over which connection."
fn only_asks(words: &[String]) -> bool {
    let first = words.iter().find(|word| !BEFORE.contains(&word.as_str()));
    words.len() < SAYS_MORE && first.is_some_and(|word| ASKING.contains(&word.as_str()))
}

/// Matches the standard uses: "there is none" means that something is missing, and "hold something" or "hold up" are
/// plain verbs.
fn is_standard(words: &[String], row: &[&str], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    let behind = words.get(at.saturating_add(row.len()));
    let holds =
        behind.is_some_and(|word| ["up", "on", "back", "the", "a", "an", "its", "their"].contains(&word.as_str()));
    before.is_some_and(|word| word == "there") || (row.ends_with(&["hold"]) && holds)
}

fn position(words: &[String], row: &[&str]) -> Option<usize> {
    words.windows(row.len()).position(|window| window.iter().zip(row).all(|(word, wanted)| word == wanted))
}

/// Returns the words in lower case. Punctuation alone is not a word.
fn words(sentence: &str) -> Vec<String> {
    let word = |text: &str| text.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '`').to_lowercase();
    sentence.split_whitespace().map(word).filter(|word| !word.is_empty()).collect()
}

/// Splits after a full stop, question mark or exclamation mark that a blank and a new beginning follow.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices(['.', '!', '?', '…']) {
        let Some((mark, rest)) =
            text.get(at..).and_then(|rest| rest.chars().next().map(|mark| (mark.len_utf8(), rest)))
        else {
            continue;
        };
        let after = rest.get(mark..).unwrap_or_default();
        let behind = after.trim_start_matches(['"', '”', ')', '\'']);
        let ends =
            behind.starts_with(' ') && behind.trim_start().chars().next().is_some_and(|next| !next.is_lowercase());
        if ends {
            let to = at + mark + (after.len() - behind.len());
            found.extend(text.get(from..to));
            from = to;
        }
    }
    found.extend(text.get(from..));
    found.into_iter().map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(is_doc: bool, text: &str) -> Vec<String> {
        let passage = Passage { line: 1, is_doc, text: text.into() };
        let found = check(Path::new("a.md"), &passage, Some(6));
        found.into_iter().map(|finding| finding.rule.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_sentence_that_names_nothing_is_found() {
        for text in ["Whose.", "What.", "By whom.", "A call. Which."] {
            assert_eq!(rules(false, text), ["bare"], "{text}");
        }
        assert_eq!(rules(true, "Over which connection."), ["bare"]);
        assert!(rules(true, "The session making the call.").is_empty());
        assert!(rules(false, "Which tools are read.").is_empty(), "a comment may ask");
    }

    #[test]
    fn words_with_a_plainer_form_are_found() {
        assert_eq!(rules(false, "The proof is none."), ["none"]);
        assert_eq!(rules(false, "Spellings that are none of ours."), ["none", "none"]);
        assert_eq!(rules(false, "The agent is told."), ["told"]);
        assert_eq!(rules(false, "The head does not hold."), ["hold"]);
        assert!(rules(false, "There is none yet.").is_empty());
        assert!(rules(false, "It does not hold up calls.").is_empty());
        assert!(rules(false, "The value is ` here.").is_empty());
    }

    #[test]
    fn long_sentences_are_found_and_short_ones_end_where_they_end() {
        assert_eq!(rules(false, "One two three four five six seven."), ["long"]);
        assert!(rules(false, "One two three four. Five six, e.g. seven.").is_empty());
    }
}
