//! Measures TypeScript without a parser: blanks out comments, strings, templates and regular expressions, then takes
//! braces after `=>`, a parameter list or a method's head as function bodies.

use std::path::Path;

use super::Measured;

/// Returns whether a path contains code that ships: nothing generated, no tests, no declarations.
pub fn is_production(path: &Path) -> bool {
    let text = path.to_string_lossy();
    !text.ends_with(".d.ts")
        && !text.contains(".test.")
        && !text.contains(".spec.")
        && !["test", "tests", "dist", "generated", "e2e"].iter().any(|folder| path.iter().any(|part| part == *folder))
}

/// Measures one file.
pub fn measure(source: &str) -> Measured {
    let bare = Blanker::new(source).run();
    let code: Vec<bool> = bare.lines().map(|line| !line.trim().is_empty()).collect();
    let count = |from: usize, to: usize| {
        code.iter().enumerate().filter(|(at, is_code)| **is_code && (from..=to).contains(at)).count()
    };
    let functions =
        bodies(&bare).into_iter().map(|(from, to)| (format!("line {}", from + 1), count(from, to))).collect();
    Measured { lines: code.iter().filter(|is_code| **is_code).count(), functions }
}

/// Copies the source without comments, and with the inside of strings replaced by `_`.
struct Blanker {
    source: Vec<char>,
    at: usize,
    out: String,
}

impl Blanker {
    fn new(source: &str) -> Self {
        Self { source: source.chars().collect(), at: 0, out: String::with_capacity(source.len()) }
    }

    fn run(mut self) -> String {
        while let Some(now) = self.take() {
            match (now, self.peek()) {
                ('/', Some('/')) => self.skip_line(),
                ('/', Some('*')) => self.skip_block(),
                ('/', _) if self.regex_may_start() => self.quoted('/'),
                ('"' | '\'', _) => self.quoted(now),
                ('`', _) => self.quoted('`'),
                _ => self.out.push(now),
            }
        }
        self.out
    }

    fn peek(&self) -> Option<char> {
        self.source.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let now = self.peek();
        self.at += 1;
        now
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|now| now != '\n') {
            self.at += 1;
        }
    }

    fn skip_block(&mut self) {
        self.at += 1;
        let mut before = ' ';
        while let Some(now) = self.take() {
            if now == '\n' {
                self.out.push('\n');
            }
            if before == '*' && now == '/' {
                return;
            }
            before = now;
        }
    }

    /// A literal up to `end`. Interpolations of a template belong to it.
    fn quoted(&mut self, end: char) {
        self.out.push('_');
        while let Some(now) = self.take() {
            match now {
                '\\' => self.at += 1,
                '\n' if end == '`' => self.out.push_str("\n_"),
                '\n' => {
                    self.out.push('\n');
                    return;
                }
                _ if now == end => return,
                _ => {}
            }
        }
    }

    /// After an operator, an opening bracket or `return`, a slash starts a regular expression.
    fn regex_may_start(&self) -> bool {
        let before = self.out.trim_end();
        before.is_empty()
            || before.ends_with("return")
            || before.ends_with(['(', ',', '=', ':', '[', '!', '&', '|', '?', '{', ';'])
    }
}

/// First and last line, from zero, of each function body.
fn bodies(bare: &str) -> Vec<(usize, usize)> {
    let mut open: Vec<(bool, usize)> = Vec::new();
    let mut found = Vec::new();
    let mut line = 0;
    let mut head = String::new();
    for now in bare.chars() {
        match now {
            '\n' => line += 1,
            '{' => open.push((is_function_head(&head), line)),
            '}' => {
                if let Some((true, from)) = open.pop() {
                    found.push((from, line));
                }
            }
            _ => {}
        }
        if matches!(now, '{' | '}' | ';') {
            head.clear();
        } else {
            head.push(now);
        }
    }
    found
}

fn is_function_head(head: &str) -> bool {
    let head = head.trim();
    if head.ends_with("=>") {
        return true;
    }
    let control =
        ["if", "for", "while", "switch", "catch", "else", "do", "try", "finally", "with", "class", "interface"];
    let first = head.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_called = head.ends_with(')') || head.rsplit_once("):").is_some_and(|(_, kind)| !kind.contains('='));
    is_called && !control.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_methods_and_arrows_are_found_and_control_flow_is_not() {
        let source = "export function a(x: number): string {\n  if (x) {\n    b()\n  }\n}\nconst f = (y: A) => {\n  return 1\n}\nclass C {\n  m(): void {\n    g()\n  }\n}\n";
        let lengths: Vec<usize> = measure(source).functions.into_iter().map(|(_, lines)| lines).collect();
        assert_eq!(lengths, [5, 3, 3]);
    }

    #[test]
    fn braces_in_strings_templates_comments_and_regexes_are_not_code() {
        let source = "// {\n/* {\n{ */\nconst a = \"{\", b = `{\n{`, c = /[{]/\n";
        let measured = measure(source);
        assert_eq!((measured.lines, measured.functions.len()), (2, 0));
    }
}
