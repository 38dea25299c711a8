//! The readings of a URI: each spelling in which a server may understand it (attack 71).
//!
//! Servers decode percent signs, remove dot segments and fold case, each in its own way. A rule that reads one spelling
//! misses the others. A decision about a URI therefore holds in every reading, and the strictest verdict counts. A URI
//! that hides characters, or that has too many readings, is rejected before any rule reads it.
//!
//! Invariant: the readings are closed. Decoding or normalising one of them gives another one of them.

mod completion;

use std::collections::BTreeSet;

use briefcase_types::text::is_deceptive;
pub use completion::of_completion;
use unicode_normalization::UnicodeNormalization as _;

/// The longest URI, in bytes.
const BYTES_MAX: usize = 8192;
/// The most readings of one URI. Only encodings inside of encodings have more.
const READINGS_MAX: usize = 24;
/// The schemes that browsers and URL libraries parse in one common way, with their default ports.
const SPECIAL: [(&str, &str); 6] =
    [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443"), ("ftp", "21"), ("file", "")];

/// A URI that no rule can be trusted to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriProblem {
    /// The URI is longer than 8 KiB.
    #[error("it is longer than 8,192 bytes")]
    Long,
    /// It has a control character or an invisible one, spelled out or percent-encoded.
    #[error("it has a control character or an invisible character")]
    Hidden,
    /// Its percent-encoded bytes are not UTF-8.
    #[error("its percent-encoded bytes are not UTF-8")]
    Encoding,
    /// It is encoded too many times.
    #[error("it can be read in too many ways")]
    Readings,
}

/// Returns every reading of the URI, the given spelling included.
///
/// # Errors
/// [`UriProblem`] when the URI must not be used.
pub fn readings(uri: &str) -> Result<BTreeSet<String>, UriProblem> {
    let mut found = BTreeSet::new();
    let mut open = vec![uri.to_owned()];
    while let Some(text) = open.pop() {
        check(&text)?;
        if found.contains(&text) {
            continue;
        }
        if found.len() >= READINGS_MAX {
            return Err(UriProblem::Readings);
        }
        open.push(decoded(&text)?);
        open.push(text.nfkc().collect());
        open.extend(normal(&text));
        open.extend(as_url(&text));
        found.insert(text);
    }
    Ok(found)
}

fn check(text: &str) -> Result<(), UriProblem> {
    let hidden = |letter: char| letter.is_control() || is_deceptive(letter);
    match text.len() > BYTES_MAX {
        true => Err(UriProblem::Long),
        false if text.chars().any(hidden) => Err(UriProblem::Hidden),
        false => Ok(()),
    }
}

/// Decodes each percent-encoded byte once. A percent sign that encodes nothing stays.
fn decoded(text: &str) -> Result<String, UriProblem> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at) {
        let pair = (digit(bytes.get(at.saturating_add(1))), digit(bytes.get(at.saturating_add(2))));
        match (byte, pair) {
            (b'%', (Some(high), Some(low))) => {
                out.push(u8::try_from(high.saturating_mul(16).saturating_add(low)).unwrap_or_default());
                at = at.saturating_add(3);
            }
            _ => {
                out.push(*byte);
                at = at.saturating_add(1);
            }
        }
    }
    String::from_utf8(out).map_err(|_| UriProblem::Encoding)
}

/// The URI as a URL library reads it, for the schemes that it knows.
fn as_url(text: &str) -> Option<String> {
    let (scheme, _) = split_scheme(text.trim_start())?;
    SPECIAL.iter().find(|(name, _)| *name == scheme)?;
    url::Url::parse(text).ok().map(Into::into)
}

/// The parts of a URI, normalised: case of scheme and host, default port, slashes, dot segments.
struct Parts {
    /// The scheme in lower case, and its colon.
    scheme: String,
    /// `//` and the authority.
    authority: Option<String>,
    path: String,
    /// Query and fragment, with their marks.
    query: String,
    fragment: String,
}

impl Parts {
    fn join(&self, path: &str, query: &str, fragment: &str) -> String {
        let authority = self.authority.as_deref().unwrap_or_default();
        [&self.scheme, authority, path, query, fragment].concat()
    }
}

/// The normalised spellings: as written, without a last slash, and without the parts that are not sent for a file or a
/// web address.
fn normal(text: &str) -> Vec<String> {
    let parts = parse(text);
    let mut all = vec![parts.join(&parts.path, &parts.query, &parts.fragment)];
    let shorter = parts.path.strip_suffix('/').filter(|path| !path.is_empty());
    all.extend(shorter.map(|path| parts.join(path, &parts.query, &parts.fragment)));
    let scheme = parts.scheme.strip_suffix(':').unwrap_or_default();
    if SPECIAL.iter().any(|(name, _)| *name == scheme) {
        all.push(parts.join(&parts.path, &parts.query, ""));
        if scheme == "file" {
            all.push(parts.join(&parts.path, "", ""));
        }
    }
    all
}

fn parse(text: &str) -> Parts {
    let text = text.trim().replace('\\', "/");
    let (scheme, rest) = match split_scheme(&text) {
        Some((scheme, rest)) => (scheme, rest),
        None => (String::new(), text.as_str()),
    };
    let (rest, fragment) = split_before(rest, &['#']);
    let (rest, query) = split_before(rest, &['?']);
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = split_before(rest, &['/']);
            (Some(format!("//{}", host(&scheme, authority))), path)
        }
        // `file:/x` and `file:///x` name the same file.
        None if scheme == "file" && rest.starts_with('/') => (Some("//".to_owned()), rest),
        None => (None, rest),
    };
    let mut path = without_dots(path);
    if path.is_empty() && authority.is_some() && SPECIAL.iter().any(|(name, _)| *name == scheme) {
        path.push('/');
    }
    let scheme = if scheme.is_empty() { scheme } else { format!("{scheme}:") };
    Parts { scheme, authority, path, query: query.to_owned(), fragment: fragment.to_owned() }
}

/// The scheme in lower case, and the text after its colon.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut letters = scheme.chars();
    let starts = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic());
    let is_scheme = starts && letters.all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// Splits before the first of the marks.
fn split_before<'a>(text: &'a str, marks: &[char]) -> (&'a str, &'a str) {
    text.find(marks).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

/// The authority with its host in lower case, without a default port and a last dot.
fn host(scheme: &str, authority: &str) -> String {
    let (user, place) = authority.rsplit_once('@').map_or(("", authority), |(user, place)| (user, place));
    let lower = place.to_lowercase();
    let default = SPECIAL.iter().find(|(name, _)| *name == scheme).map_or("", |(_, port)| port);
    let bare = match lower.rsplit_once(':') {
        Some((name, port)) if port.is_empty() || port == default => name,
        _ => lower.as_str(),
    };
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let bare = if scheme == "file" && bare == "localhost" { "" } else { bare };
    if user.is_empty() { bare.to_owned() } else { format!("{user}@{bare}") }
}

/// The path without empty segments, `.` and `..`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_open = false;
    for segment in path.split('/') {
        match segment {
            "" => {}
            "." => ends_open = true,
            ".." => {
                kept.pop();
                ends_open = true;
            }
            name => {
                kept.push(name);
                ends_open = false;
            }
        }
    }
    ends_open = ends_open || path.ends_with('/');
    let start = if path.starts_with('/') { "/" } else { "" };
    let end = if ends_open && !kept.is_empty() { "/" } else { "" };
    format!("{start}{}{end}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads_as(uri: &str, wanted: &str) {
        let all = readings(uri).unwrap_or_else(|problem| panic!("{uri}: {problem}"));
        assert!(all.contains(wanted), "{uri} is not read as {wanted}: {all:?}");
        assert!(all.contains(uri), "{uri}");
    }

    #[test]
    fn every_spelling_of_a_uri_is_read_as_the_plain_one() {
        let plain = "file:///data/secret.txt";
        for uri in [
            "file:///data/s%65cret.txt",
            "file:///data/%73%65%63%72%65%74.txt",
            "file:///data/s%2565cret.txt",
            "file:///data/s%252565cret.txt",
            "file:///data/s%%36%35cret.txt",
            "file:///data/./secret.txt",
            "file:///data/public/../secret.txt",
            "file:///data/public/%2e%2e/secret.txt",
            "file:///data/public/%2E./secret.txt",
            "file:///data/public%2f..%2fsecret.txt",
            "file:///data/public%252f%252e%252e%252fsecret.txt",
            "file:///../../data/secret.txt",
            "file:///data//secret.txt",
            "file:////data/secret.txt",
            "file:///data\\secret.txt",
            "file:///data/public\\..\\secret.txt",
            "file:///data%5Csecret.txt",
            "file:///data/secret.txt/",
            "file:///data/secret.txt?x=1",
            "file:///data/secret.txt#x",
            "FILE:///data/secret.txt",
            "File://LOCALHOST/data/secret.txt",
            "file:/data/secret.txt",
            " file:///data/secret.txt",
            "file:///data/\u{ff53}\u{ff45}cret.txt",
            "file:///data/\u{ff05}\u{ff16}\u{ff15}cret.txt/../secret.txt",
            "file:///data/public/\u{ff0e}\u{ff0e}/secret.txt",
            "file:///data/%EF%BD%93ecret.txt",
            "file:///data/\u{1d42c}ecret.txt",
        ] {
            reads_as(uri, plain);
        }
    }

    #[test]
    fn hosts_and_ports_have_one_reading() {
        for (uri, plain) in [
            ("HTTP://Secret.Example:80/a", "http://secret.example/a"),
            ("https://secret.example:443/a", "https://secret.example/a"),
            ("https://secret.example:/a", "https://secret.example/a"),
            ("https://secret.example./a", "https://secret.example/a"),
            ("https://secret.example/b/../a", "https://secret.example/a"),
            ("https:\\\\secret.example\\a", "https://secret.example/a"),
            ("https://secret.example", "https://secret.example/"),
            ("https://\u{ff53}ecret.example/a", "https://secret.example/a"),
            ("http://0x7f.1/a", "http://127.0.0.1/a"),
            ("http://2130706433/a", "http://127.0.0.1/a"),
            ("memo://NOTES/Secret", "memo://notes/Secret"),
            ("Memo:secret", "memo:secret"),
            ("memo:a/../secret", "memo:secret"),
            ("memo://notes/a;x/..", "memo://notes/"),
            ("demo://user@HOST/x", "demo://user@host/x"),
        ] {
            reads_as(uri, plain);
        }
    }

    #[test]
    fn a_plain_uri_has_one_reading() {
        for uri in [
            "file:///data/report.md",
            "demo://resource/static/1",
            "memo:note",
            "notes/today",
            "https://example.org/a?b=c",
        ] {
            assert_eq!(readings(uri), Ok(BTreeSet::from([uri.to_owned()])));
        }
        assert_eq!(readings("file:///a/b%20c").map(|all| all.len()), Ok(2));
    }

    #[test]
    fn a_uri_that_hides_something_is_rejected() {
        let nested = format!("x://%25{}41", "25".repeat(40));
        for (uri, problem) in [
            ("file:///data/se\u{200b}cret", UriProblem::Hidden),
            ("file:///data/se%E2%80%8Bcret", UriProblem::Hidden),
            ("file:///data/se%25E2%2580%258Bcret", UriProblem::Hidden),
            ("file:///data/se\u{ad}cret", UriProblem::Hidden),
            ("file:///data/se\u{202e}cret", UriProblem::Hidden),
            ("file:///data/se\u{2800}cret", UriProblem::Hidden),
            ("file:///data/se\tcret", UriProblem::Hidden),
            ("file:///data/secret%00.txt", UriProblem::Hidden),
            ("file:///data/secret%0a", UriProblem::Hidden),
            ("file:///data/secret\n", UriProblem::Hidden),
            ("file:///data/%c0%ae%c0%ae/secret", UriProblem::Encoding),
            ("file:///data/%ff", UriProblem::Encoding),
            (nested.as_str(), UriProblem::Readings),
        ] {
            assert_eq!(readings(uri), Err(problem), "{uri}");
        }
        assert_eq!(readings(&format!("x:{}", "a".repeat(BYTES_MAX))), Err(UriProblem::Long));
    }

    #[test]
    fn readings_are_closed() {
        for uri in ["file:///a/%2e%2e/s%2565cret/", "HTTP://A:80/%5c..\\b?x#y", "m:%EF%BC%8F\u{ff0e}/x"] {
            let all = readings(uri).unwrap();
            for reading in &all {
                assert!(readings(reading).unwrap().is_subset(&all), "{uri}: {reading}");
            }
        }
    }
}
