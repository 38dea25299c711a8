//! Documents and comments: every link leads to its target, every named proof exists, and the prose follows the rules
//! that a program can check.

mod links;
mod passage;
mod proofs;
mod prose;

use std::path::Path;

use crate::failure::Failure;
use crate::workspace;
use passage::Passage;
use prose::Finding;

/// The maximum number of words in a sentence of a document.
const LONGEST_SENTENCE: usize = 40;

/// Checks links, proofs and prose.
pub fn run(_: &[String]) -> Result<(), Failure> {
    let documents = workspace::files(&[".md"])?;
    let (checked, mut wrong) = links::check(&documents)?;
    let (named, missing) = proofs::check(&documents)?;
    wrong.extend(missing);
    let (passages, findings) = prose()?;
    wrong.extend(findings.iter().map(Finding::to_string));
    if !wrong.is_empty() {
        return Err(Failure::new(wrong.join("\n      ")));
    }
    println!(
        "docs: {checked} links lead somewhere; {named} named proofs exist; {passages} passages of prose follow the rules"
    );
    Ok(())
}

/// Returns the number of passages, and the findings in them.
fn prose() -> Result<(usize, Vec<Finding>), Failure> {
    let (mut passages, mut findings) = (0, Vec::new());
    for path in workspace::files(&[".md", ".rs", ".ts", ".tsx"])?.iter().filter(|path| is_ours(path)) {
        let text = std::fs::read_to_string(workspace::root().join(path))?;
        let read = match path.extension().and_then(|ending| ending.to_str()) {
            Some("md") => passage::of_document(&text),
            _ => passage::of_code(&text),
        };
        passages += read.len();
        let longest = is_document(path).then_some(LONGEST_SENTENCE);
        findings.extend(read.iter().flat_map(|passage: &Passage| prose::check(path, passage, longest)));
    }
    Ok((passages, findings))
}

/// Returns whether the project wrote the text: it is neither generated nor part of a third-party package.
fn is_ours(path: &Path) -> bool {
    !path.iter().any(|part| ["generated", "dist", "fixtures", "node_modules"].iter().any(|folder| part == *folder))
}

/// Returns whether the length of sentences counts: documents for users and reviewers.
fn is_document(path: &Path) -> bool {
    let listed = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].iter().any(|name| path == Path::new(name));
    listed || (path.starts_with("docs") && path.extension().is_some_and(|ending| ending == "md"))
}
