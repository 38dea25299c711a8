//! The headers file (`_headers`, in the format of static hosts), and the check of response headers against it.
//!
//! Security headers must be sent once, with exactly the value in the file. A security header that the file does not
//! name for a path must be absent. Other headers (dates, caches, the host's own) are not checked.

use std::collections::BTreeMap;

use crate::error::ReleaseError;

/// Security headers: an added one can change the permissions of the page.
const DECISIVE: [&str; 29] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "clear-site-data",
    "content-security-policy",
    "content-security-policy-report-only",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-embedder-policy-report-only",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "document-policy",
    "integrity-policy",
    "link",
    "nel",
    "origin-agent-cluster",
    "permissions-policy",
    "referrer-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie",
    "sourcemap",
    "speculation-rules",
    "x-content-type-options",
    "x-frame-options",
];

/// A headers file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadersFile(Vec<(String, BTreeMap<String, String>)>);

impl HeadersFile {
    /// Reads a headers file. A line with a path (a final `*` is a wildcard) starts a rule; lines `  Name: value`
    /// follow. Lines that begin with `#` are comments.
    ///
    /// # Errors
    /// [`ReleaseError::HeadersForm`] with the first malformed line, or the first line that repeats a header.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ReleaseError::HeadersForm { line: 1 })?;
        let mut rules: Vec<(String, BTreeMap<String, String>)> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let wrong = ReleaseError::HeadersForm { line };
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            if text.starts_with('/') {
                rules.push((text.trim_end().to_owned(), BTreeMap::new()));
                continue;
            }
            let header = text.trim().split_once(':').filter(|_| text.starts_with([' ', '\t']));
            let (Some((name, value)), Some((_, headers))) = (header, rules.last_mut()) else { return Err(wrong) };
            if headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned()).is_some() {
                return Err(wrong);
            }
        }
        Ok(Self(rules))
    }

    /// The headers for a path, which begins with `/`. When two rules name a header, the later rule wins.
    #[must_use]
    pub fn of(&self, path: &str) -> BTreeMap<&str, &str> {
        let applies = |rule: &str| rule.strip_suffix('*').map_or(rule == path, |start| path.starts_with(start));
        let rules = self.0.iter().filter(|(rule, _)| applies(rule));
        rules.flat_map(|(_, headers)| headers.iter().map(|(name, value)| (&**name, &**value))).collect()
    }

    /// Checks the headers of a response for a path. Names are case-insensitive.
    ///
    /// # Errors
    /// [`ReleaseError::Header`] with the first header that differs from the file.
    pub fn check<'a>(
        &self,
        path: &str,
        sent: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), ReleaseError> {
        let wanted = self.of(path);
        let mut seen: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, value) in sent {
            seen.entry(name.to_ascii_lowercase()).or_default().push(value.trim());
        }
        let wrong = |header: &str, problem| {
            Err(ReleaseError::Header { path: path.to_owned(), header: header.to_owned(), problem })
        };
        for (name, value) in &wanted {
            match seen.get(*name).map(Vec::as_slice) {
                None => return wrong(name, "it is missing"),
                Some([one]) if one == value => {}
                Some([_]) => return wrong(name, "it has another value"),
                Some(_) => return wrong(name, "it was sent more than once"),
            }
        }
        match seen.keys().find(|name| DECISIVE.contains(&&***name) && !wanted.contains_key(&***name)) {
            Some(name) => wrong(name, "it must be absent"),
            None => Ok(()),
        }
    }
}
