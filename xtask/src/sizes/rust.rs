//! Measures Rust: lines of code by the parser's own spans, so that tests inside a file do not count.

use std::ops::RangeInclusive;
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Measured;

/// Returns whether a path contains code that ships or checks, rather than tests.
pub fn is_production(path: &Path) -> bool {
    let mut parts = path.iter().map(|part| part.to_string_lossy());
    let first = parts.next().unwrap_or_default().into_owned();
    let rest: Vec<_> = parts.collect();
    ["crates", "apps", "xtask", "fuzz"].contains(&first.as_str())
        && rest.iter().any(|part| part == "src")
        && !rest.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// Measures one file.
pub fn measure(source: &str) -> Result<Measured, syn::Error> {
    let file = syn::parse_file(source)?;
    let mut found = Found::default();
    found.visit_file(&file);
    let code: Vec<bool> = source
        .lines()
        .enumerate()
        .map(|(at, line)| {
            let trimmed = line.trim();
            !trimmed.is_empty()
                && !trimmed.starts_with("//")
                && !found.tests.iter().any(|lines| lines.contains(&(at + 1)))
        })
        .collect();
    let count = |lines: &RangeInclusive<usize>| {
        code.iter().enumerate().filter(|(at, is_code)| **is_code && lines.contains(&(at + 1))).count()
    };
    let functions = found
        .functions
        .iter()
        .filter(|(_, lines)| !found.tests.iter().any(|tests| tests.contains(lines.start())))
        .map(|(name, lines)| (name.clone(), count(lines)))
        .collect();
    Ok(Measured { lines: code.iter().filter(|is_code| **is_code).count(), functions })
}

#[derive(Default)]
struct Found {
    functions: Vec<(String, RangeInclusive<usize>)>,
    tests: Vec<RangeInclusive<usize>>,
}

fn lines(item: &impl Spanned) -> RangeInclusive<usize> {
    let span = item.span();
    span.start().line..=span.end().line
}

/// Whether an attribute is `cfg(test)`, alone or inside `all`.
pub fn only_for_tests(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg") && {
            let text = attr.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
            text == "test" || text.starts_with("all (test") || text.starts_with("all(test")
        }
    })
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attrs = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if only_for_tests(attrs) {
            self.tests.push(lines(item));
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.functions.push((item.sig.ident.to_string(), *lines(&item.sig).start()..=*lines(&item.block).end()));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.functions.push((item.sig.ident.to_string(), *lines(&item.sig).start()..=*lines(&item.block).end()));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.functions.push((item.sig.ident.to_string(), *lines(&item.sig).start()..=*lines(block).end()));
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blank_lines_and_tests_do_not_count() {
        let measured = measure(
            "//! Doc.\n\n/// Doc.\nfn one() {\n    // comment\n    two();\n\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        x();\n    }\n}\n",
        )
        .unwrap();
        assert_eq!(measured.lines, 3);
        assert_eq!(measured.functions, [("one".to_owned(), 3)]);
    }

    #[test]
    fn methods_and_default_methods_are_functions() {
        let measured =
            measure("impl A {\n    fn a() {\n        b();\n    }\n}\ntrait T {\n    fn c() {}\n    fn d();\n}\n")
                .unwrap();
        assert_eq!(measured.functions, [("a".to_owned(), 3), ("c".to_owned(), 1)]);
    }

    #[test]
    fn test_files_are_not_production() {
        assert!(is_production(Path::new("crates/a/src/lib.rs")));
        for path in ["crates/a/tests/it/main.rs", "crates/a/src/log/tests.rs", "tests/e2e/src/lib.rs"] {
            assert!(!is_production(Path::new(path)), "{path}");
        }
    }
}
