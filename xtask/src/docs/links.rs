//! Checks that every relative link in every document leads to a file of the project, and every `#fragment` to a
//! heading.

use std::path::{Component, Path, PathBuf};

use crate::failure::Failure;
use crate::workspace;

/// The number of links in these documents, and the broken ones.
pub fn check(documents: &[PathBuf]) -> Result<(usize, Vec<String>), Failure> {
    let mut dead = Vec::new();
    let mut checked = 0;
    for document in documents {
        let text = std::fs::read_to_string(workspace::root().join(document))?;
        for link in links(&text) {
            checked += 1;
            if let Some(reason) = broken(document, &link, &text)? {
                dead.push(format!("{}: {link}: {reason}", document.display()));
            }
        }
    }
    Ok((checked, dead))
}

/// Returns the targets of `[text](target)` and `![text](target)` outside code, and of `src="…"`/`href="…"`.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "" }).collect();
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for part in prose.split(opening).skip(1) {
                if let Some((target, _)) = part.split_once(closing) {
                    found.push(target.split_whitespace().next().unwrap_or_default().to_owned());
                }
            }
        }
    }
    found
}

fn broken(document: &Path, link: &str, text: &str) -> Result<Option<&'static str>, Failure> {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return Ok(None);
    }
    let (path, fragment) = link.split_once('#').map_or((link, None), |(path, fragment)| (path, Some(fragment)));
    let target = if path.is_empty() { document.to_owned() } else { resolve(document, path) };
    let file = workspace::root().join(&target);
    if !path.is_empty() && !file.exists() {
        return Ok(Some("there is no such file"));
    }
    let Some(fragment) = fragment else { return Ok(None) };
    if target.extension().is_none_or(|ending| ending != "md") {
        return Ok(None);
    }
    let known = if path.is_empty() { headings(text) } else { headings(&std::fs::read_to_string(file)?) };
    Ok((!known.iter().any(|heading| heading == fragment)).then_some("there is no such heading"))
}

fn resolve(document: &Path, path: &str) -> PathBuf {
    let mut target = document.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::Normal(name) => target.push(name),
            _ => {}
        }
    }
    target
}

/// Returns the fragments of the headings, in the form of code hosts.
fn headings(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_and_code_is_left_alone() {
        let text = "a [b](c.md) ![d](e.png \"t\") `[x](y)`\n```\n[z](q)\n```\n<img src=\"f.png\">\n";
        assert_eq!(links(text), ["c.md", "e.png", "f.png"]);
    }

    #[test]
    fn a_link_to_nowhere_is_named() {
        let document = Path::new("docs/a.md");
        assert!(broken(document, "../Cargo.toml", "").unwrap().is_none());
        assert!(broken(document, "../no-such-file.md", "").unwrap().is_some());
        assert!(broken(document, "#one-two", "# One, two!\n").unwrap().is_none());
        assert!(broken(document, "#three", "# One, two!\n").unwrap().is_some());
    }
}
