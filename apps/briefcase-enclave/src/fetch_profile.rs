//! Request headers that imitate each browser.
//!
//! A server that serves auditors other files than browsers can tell them apart only by their requests. So every file is
//! requested with the headers of each kind of user, and without any of them.

use http::{HeaderMap, HeaderName, HeaderValue, header};

const CHROMIUM: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";

/// The headers of one kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchProfile {
    /// The client that it imitates, for a person.
    pub name: &'static str,
    agent: Option<&'static str>,
    /// `Sec-Fetch-Dest`, `Sec-Fetch-Mode`, `Sec-Fetch-Site`.
    fetch: Option<[&'static str; 3]>,
}

const fn profile(name: &'static str, agent: Option<&'static str>, fetch: Option<[&'static str; 3]>) -> FetchProfile {
    FetchProfile { name, agent, fetch }
}

/// Requests for a page. The first is the audited one.
pub const PAGE: [FetchProfile; 6] = [
    profile("a frame in Chromium", Some(CHROMIUM), Some(["iframe", "navigate", "same-site"])),
    profile("a frame in Firefox", Some(FIREFOX), Some(["iframe", "navigate", "same-site"])),
    profile("a frame in Safari", Some(SAFARI), Some(["iframe", "navigate", "same-site"])),
    profile("a tab in Chromium", Some(CHROMIUM), Some(["document", "navigate", "none"])),
    profile("a script that fetches", Some(CHROMIUM), Some(["empty", "cors", "same-site"])),
    profile("no browser", None, None),
];

/// Requests for a module.
pub const MODULE: [FetchProfile; 5] = [
    profile("a module in Chromium", Some(CHROMIUM), Some(["script", "cors", "same-origin"])),
    profile("a module in Firefox", Some(FIREFOX), Some(["script", "cors", "same-origin"])),
    profile("a module in Safari", Some(SAFARI), Some(["script", "cors", "same-origin"])),
    profile("a script that fetches", Some(CHROMIUM), Some(["empty", "cors", "same-site"])),
    profile("no browser", None, None),
];

/// Requests of a bridge for the evidence of a release.
pub const EVIDENCE: [FetchProfile; 3] = [
    profile("a script that fetches, in Chromium", Some(CHROMIUM), Some(["empty", "cors", "same-site"])),
    profile("a script that fetches, in Firefox", Some(FIREFOX), Some(["empty", "cors", "same-site"])),
    profile("no browser", None, None),
];

impl FetchProfile {
    pub fn headers(self) -> HeaderMap {
        let names = ["sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"].map(HeaderName::from_static);
        let mut headers = HeaderMap::new();
        for (name, value) in names.into_iter().zip(self.fetch.into_iter().flatten()) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(agent) = self.agent {
            headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers
    }
}
