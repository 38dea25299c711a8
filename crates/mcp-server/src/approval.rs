//! Messages to a client whose call waits for a person: progress, and the address where a person decides.
//!
//! Invariant: neither carries authority. The page at the address still demands proof of presence.

use briefcase_json::raw::{object, quote};
use briefcase_ports::Waiting;

use crate::config::Config;

/// The key in `inputRequests` of the request to open the address.
pub(crate) const KEY: &str = "approval";

/// The address where a person decides.
pub(crate) fn url(config: &Config, notice: &Waiting) -> Option<String> {
    Some(config.approval_url.as_ref()?.replace("{approval}", &notice.approval.to_string()))
}

/// `params` of an elicitation that shows the address. Only legacy clients get an `elicitationId`.
pub(crate) fn elicitation(notice: &Waiting, url: &str, with_id: bool) -> String {
    let (message, url, id) = (quote(&message(notice)), quote(url), quote(&notice.approval.to_string()));
    let mut members = vec![("mode", r#""url""#), ("message", &message), ("url", &url)];
    if with_id {
        members.push(("elicitationId", &id));
    }
    object(members)
}

/// `params` of the progress message number `tick`. The value stays far below one, so that the server's progress can
/// follow.
pub(crate) fn progress(notice: &Waiting, token: &str, tick: u32, url: Option<&str>) -> String {
    let value = format!("0.{:06}", tick.min(999_999));
    let text = url.map_or_else(|| message(notice), |url| format!("{} {url}", message(notice)));
    object([("progressToken", token), ("progress", value.as_str()), ("message", quote(&text).as_str())])
}

fn message(notice: &Waiting) -> String {
    let call = notice.tool.as_ref().map_or_else(|| "this call".to_owned(), |tool| format!("`{tool}`"));
    format!("Waiting for a person to approve {call} on `{}`.", notice.server)
}

#[cfg(test)]
mod tests {
    use briefcase_types::UnixMillis;

    use super::*;

    #[test]
    fn the_client_gets_the_address_and_no_authority() {
        let notice = Waiting {
            approval: "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            server: "srv".parse().unwrap(),
            tool: Some("pay".parse().unwrap()),
            expires: UnixMillis(5),
        };
        let approval_url = Some("http://localhost:1/approvals/{approval}".to_owned());
        let config = Config { approval_url, ..Config::default() };
        let url = url(&config, &notice).unwrap();
        assert_eq!(url, "http://localhost:1/approvals/AAAAAAAAAAAAAAAAAAAAAA");
        let params: serde_json::Value = serde_json::from_str(&elicitation(&notice, &url, true)).unwrap();
        assert_eq!((&params["mode"], &params["elicitationId"]), (&"url".into(), &"AAAAAAAAAAAAAAAAAAAAAA".into()));
        assert!(!elicitation(&notice, &url, false).contains("elicitationId"));
        let first: serde_json::Value = serde_json::from_str(&progress(&notice, "7", 1, None)).unwrap();
        let next: serde_json::Value = serde_json::from_str(&progress(&notice, "7", 2, Some(&url))).unwrap();
        assert!(next["progress"].as_f64() > first["progress"].as_f64());
        assert_eq!(first["progressToken"], 7);
        assert!(next["message"].as_str().unwrap().ends_with(&url));
    }
}
