//! Limits on the nesting of a policy text.
//!
//! Invariant: the parser and the validator recurse per level, and never run out of stack on a text that passes here.
//! Anyone who may check a policy can send a text, and a stack overflow would end the daemon.

use super::problem::{PolicyError, PolicyProblem};

/// The maximum depth of brackets. Each level costs the parser up to 60 KiB of stack in a build without optimisation.
const DEEPEST: usize = 12;
/// The maximum number of operators of one policy: a chain of operators is a tree of that height.
const MOST_OPERATORS: usize = 256;
const WORDS: [&str; 7] = ["if", "then", "else", "has", "like", "in", "is"];

/// Rejects a policy that is nested too deeply. The document limits the text's length.
pub(super) fn check(source: &str) -> Result<(), PolicyError> {
    let mut measure = Measure::default();
    for (at, token) in (Tokens { source, at: 0 }) {
        measure.take(token);
        if measure.depth > DEEPEST {
            let message = format!("brackets are nested more than {DEEPEST} deep");
            return Err(refused(source, at, &message, "split it into several policies"));
        }
        if measure.operators > MOST_OPERATORS {
            let message = format!("one policy has more than {MOST_OPERATORS} operators");
            return Err(refused(source, at, &message, "split it into several policies, or compare with a set"));
        }
    }
    Ok(())
}

fn refused(source: &str, at: usize, message: &str, help: &str) -> PolicyError {
    PolicyError::Problems(vec![PolicyProblem::at(source, at, message, Some(help.to_owned()))])
}

#[derive(Default)]
struct Measure {
    depth: usize,
    operators: usize,
}

impl Measure {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Mark('(' | '[' | '{') => self.depth = self.depth.saturating_add(1),
            Token::Mark(')' | ']' | '}') => self.depth = self.depth.saturating_sub(1),
            // The end of a policy. Within brackets it is a syntax error, which the parser reports.
            Token::Mark(';') if self.depth == 0 => self.operators = 0,
            Token::Mark('|' | '&' | '=' | '<' | '>' | '!' | '+' | '-' | '*' | '.') => self.count(),
            Token::Word(word) if WORDS.contains(&word) => self.count(),
            _ => {}
        }
    }

    fn count(&mut self) {
        self.operators = self.operators.saturating_add(1);
    }
}

enum Token<'s> {
    Mark(char),
    Word(&'s str),
}

/// Tokenizes operators and identifiers; skips strings and comments.
struct Tokens<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Tokens<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, bytes: usize) -> &'s str {
        let skipped = self.rest().get(..bytes).unwrap_or_default();
        self.at = self.at.saturating_add(bytes);
        skipped
    }

    fn skip_text(&mut self) {
        let mut escaped = false;
        let end = self.rest().char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == '"' && !escaped;
            escaped = *letter == '\\' && !escaped;
            ends
        });
        self.skip(end.map_or(self.rest().len(), |(at, _)| at.saturating_add(1)));
    }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = (usize, Token<'s>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (rest, at) = (self.rest(), self.at);
            let first = rest.chars().next()?;
            if rest.starts_with("//") {
                self.skip(rest.find('\n').unwrap_or(rest.len()));
            } else if first == '"' {
                self.skip_text();
            } else if first.is_alphanumeric() || first == '_' {
                let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let word = self.skip(end.unwrap_or(rest.len()));
                return Some((at, Token::Word(word)));
            } else {
                self.skip(first.len_utf8());
                return Some((at, Token::Mark(first)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use briefcase_types::Incarnation;

    use super::*;
    use crate::{
        authority::Authority,
        decision::{AcceptedDefinitions, PolicySet, sources},
    };

    fn policy(condition: &str) -> String {
        format!("permit(principal, action, resource) when {{ {condition} }};\n")
    }

    /// Each kind of nesting of the language, at the maximum depth, on three quarters of the daemon's smallest stack.
    /// Much deeper texts are rejected before they are parsed.
    #[test]
    fn accepted_texts_never_overflow_the_stack_and_deeper_ones_are_refused() {
        let empty = Authority::empty("AQEBAQEBAQEBAQEBAQEBAQ".parse::<Incarnation>().unwrap());
        let brackets = |n: usize| policy(&format!("{}true{}", "(".repeat(n), ")".repeat(n)));
        let sets = |n: usize| policy(&format!("{}1{} == 1", "[".repeat(n), "]".repeat(n)));
        let records = |n: usize| policy(&format!("{}1{} == 1", "{a: ".repeat(n), "}".repeat(n)));
        let ors = |n: usize| policy(&vec!["true"; n / 2 + 1].join(" || "));
        let sums = |n: usize| policy(&format!("{} == 1", vec!["1"; n - 1].join(" + ")));
        let members = |n: usize| policy(&format!("context{}", ".a".repeat(n)));
        let ifs = |n: usize| policy(&format!("{}true", "if true then true else ".repeat(n / 3)));
        let nots = |n: usize| policy(&format!("{}true{}", "!(".repeat(n), ")".repeat(n)));
        let both = |n: usize| {
            let ifs = "if true then true else ".repeat(n / 3);
            policy(&format!("{}{ifs}true{}", "(".repeat(DEEPEST - 1), ")".repeat(DEEPEST - 1)))
        };
        let deep: [(&dyn Fn(usize) -> String, usize); 9] = [
            (&both, MOST_OPERATORS),
            (&brackets, DEEPEST - 1),
            (&sets, DEEPEST - 1),
            (&records, DEEPEST - 1),
            (&nots, DEEPEST - 1),
            (&ors, MOST_OPERATORS),
            (&sums, MOST_OPERATORS - 1),
            (&members, MOST_OPERATORS),
            (&ifs, MOST_OPERATORS),
        ];
        for (text, most) in deep {
            let (fits, does_not) = (text(most), text(20 * most));
            check(&fits).unwrap();
            let authority = Authority { policy: fits, ..empty.clone() };
            let compile = move || drop(PolicySet::compile(&authority, &AcceptedDefinitions::new()));
            std::thread::Builder::new().stack_size(3 << 19).spawn(compile).unwrap().join().unwrap();
            assert!(check(&does_not).is_err(), "{}", does_not.len());
            assert!(sources::parse(&does_not).is_err());
        }
    }

    #[test]
    fn an_ordinary_text_of_any_number_of_policies_passes() {
        let one = policy("context.args.to like \"*@example.com\" && !(context.tainted)");
        check(&one.repeat(2_000)).unwrap();
        check(crate::authority::DEFAULT_POLICY).unwrap();
        let many = (0..5_000).map(|n| format!("\"person{n}\"")).collect::<Vec<_>>().join(", ");
        check(&policy(&format!("[{many}].contains(context.args.to)"))).unwrap();
    }

    #[test]
    fn brackets_in_texts_and_comments_are_no_brackets() {
        let opened = "(".repeat(100);
        check(&policy(&format!("\"{opened}\\\"{opened}\\\\\" == \"\" // \" {opened}\n"))).unwrap();
        check(&policy(&format!("\"\\\\\" == {opened}"))).unwrap_err();
        check(&format!("// a note with one \"\n{}", policy(&opened))).unwrap_err();
        let error = check(&policy(&opened)).unwrap_err().to_string();
        assert!(error.contains("line 1, column 55") && error.contains("split it"), "{error}");
    }
}
