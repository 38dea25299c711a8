//! `unsafe` occurs only in packages that are listed with a reason.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use serde::Deserialize;

use crate::failure::Failure;
use crate::workspace;

/// A package that may have unsafe code.
#[derive(Deserialize)]
pub struct Allowed {
    #[serde(rename = "crate")]
    package: String,
    reason: String,
}

/// Returns the places with `unsafe` in unlisted packages, and the unused entries. Packages are given by name and
/// folder.
pub fn check(packages: &[(String, String)], allowed: &[Allowed]) -> Result<Vec<String>, Failure> {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for path in workspace::files(&[".rs"])? {
        let text = std::fs::read_to_string(workspace::root().join(&path))?;
        let lines = lines(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        let Some(line) = lines.first() else { continue };
        let package = package_of(&path, packages);
        match allowed.iter().find(|rule| rule.package == package) {
            Some(rule) => drop(used.insert(&rule.package)),
            None => wrong.push(format!("{}:{line}: {package} may not use unsafe code", path.display())),
        }
    }
    for rule in allowed {
        if !used.contains(&rule.package) {
            wrong.push(format!("{} has no unsafe code any more: remove its rule", rule.package));
        }
        if rule.reason.trim().is_empty() {
            wrong.push(format!("{}: its unsafe code has no reason", rule.package));
        }
    }
    Ok(wrong)
}

/// The package whose folder holds the file.
fn package_of<'a>(path: &Path, packages: &'a [(String, String)]) -> &'a str {
    let holding = packages.iter().filter(|(_, folder)| path.starts_with(folder));
    holding.max_by_key(|(_, folder)| folder.len()).map_or("no package", |(name, _)| name)
}

/// The lines with the keyword, or with an attribute that allows it.
fn lines(source: &str) -> Result<Vec<usize>, proc_macro2::LexError> {
    let mut found = Vec::new();
    walk(source.parse()?, &mut found);
    Ok(found)
}

fn walk(tokens: TokenStream, found: &mut Vec<usize>) {
    let mut before_lint = false;
    for token in tokens {
        match token {
            TokenTree::Ident(word) if word == "unsafe" => found.push(word.span().start().line),
            TokenTree::Ident(word) => before_lint = word == "allow" || word == "expect",
            TokenTree::Group(group) => {
                let allows = std::mem::take(&mut before_lint) && group.stream().to_string().contains("unsafe_code");
                if allows {
                    found.push(group.span_open().start().line);
                }
                walk(group.stream(), found);
            }
            _ => before_lint = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_functions_and_attributes_are_found_and_texts_are_not() {
        let source = "// unsafe\nfn a() { unsafe { b() } }\nunsafe fn c() {}\n#[expect(unsafe_code, reason = \"r\")]\nfn d() {}\n";
        assert_eq!(lines(source).unwrap(), [2, 3, 4]);
        assert!(lines("/// unsafe\nfn a() { b(\"unsafe\") }\n").unwrap().is_empty());
        assert!(lines("#![deny(unsafe_code)]").unwrap().is_empty());
    }

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        let packages = [("outer".to_owned(), "web".to_owned()), ("inner".to_owned(), "web/core".to_owned())];
        assert_eq!(package_of(Path::new("web/core/src/lib.rs"), &packages), "inner");
    }
}
