//! An attacker with write access to the files changes the record.

use std::{fs, io, path::Path};

/// Replaces one tool's name in an exported record by another of the same length. Returns the number of replacements.
pub fn rewrite(export: &Path, from: &str, to: &str) -> io::Result<usize> {
    let mut changed = 0;
    let mut open = vec![export.join("tile/entries")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = fs::read(&path)?;
            let (bytes, count) = replace(&bytes, from.as_bytes(), to.as_bytes());
            fs::write(&path, bytes)?;
            changed += count;
        }
    }
    Ok(changed)
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> (Vec<u8>, usize) {
    let (mut out, mut rest, mut count) = (Vec::with_capacity(bytes.len()), bytes, 0);
    while let Some((first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = after;
            count += 1;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    (out, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_rewritten() {
        assert_eq!(
            replace(b"a write_file b write_file", b"write_file", b"list_files"),
            (b"a list_files b list_files".to_vec(), 2)
        );
        assert_eq!(replace(b"", b"x", b"y"), (vec![], 0));
    }
}
