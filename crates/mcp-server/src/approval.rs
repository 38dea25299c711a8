//! Telling a client that a call waits for a person: progress, and the address where a person decides. Neither carries
//! any authority: who opens the address still has to prove to be a person there.

use briefcase_ports::Waiting;

use crate::{
    settings::Settings,
    splice::{object, quoted},
};

/// The key of our question in `inputRequests`.
pub(crate) const KEY: &str = "approval";

/// The address of the question.
pub(crate) fn link(settings: &Settings, notice: &Waiting) -> Option<String> {
    Some(settings.approval_url.as_ref()?.replace("{approval}", &notice.approval.to_string()))
}

/// `params` of an elicitation that shows the address. `id` is for legacy clients only.
pub(crate) fn elicitation(notice: &Waiting, link: &str, with_id: bool) -> String {
    let (message, link, id) = (quoted(&message(notice)), quoted(link), quoted(&notice.approval.to_string()));
    let mut members = vec![("mode", r#""url""#), ("message", &message), ("url", &link)];
    if with_id {
        members.push(("elicitationId", &id));
    }
    object(members)
}

/// `params` of the progress message number `tick`. Far below one, so that the server's own progress can follow.
pub(crate) fn progress(notice: &Waiting, token: &str, tick: u32, link: Option<&str>) -> String {
    let value = format!("0.{:06}", tick.min(999_999));
    let text = link.map_or_else(|| message(notice), |link| format!("{} {link}", message(notice)));
    object([("progressToken", token), ("progress", value.as_str()), ("message", quoted(&text).as_str())])
}

fn message(notice: &Waiting) -> String {
    let what = notice.tool.as_ref().map_or_else(String::new, |tool| format!(" `{tool}`"));
    format!("Briefcase asked a person to approve this call of{what} on `{}`; it goes on when they do.", notice.server)
}

#[cfg(test)]
mod tests {
    use briefcase_types::UnixMillis;

    use super::*;

    #[test]
    fn the_client_learns_where_to_decide_and_nothing_that_decides() {
        let notice = Waiting {
            approval: "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            server: "srv".parse().unwrap(),
            tool: Some("pay".parse().unwrap()),
            expires: UnixMillis(5),
        };
        let url = Some("http://localhost:1/approvals/{approval}".to_owned());
        let settings = Settings { approval_url: url, ..Settings::default() };
        let link = link(&settings, &notice).unwrap();
        assert_eq!(link, "http://localhost:1/approvals/AAAAAAAAAAAAAAAAAAAAAA");
        let params: serde_json::Value = serde_json::from_str(&elicitation(&notice, &link, true)).unwrap();
        assert_eq!((&params["mode"], &params["elicitationId"]), (&"url".into(), &"AAAAAAAAAAAAAAAAAAAAAA".into()));
        assert!(!elicitation(&notice, &link, false).contains("elicitationId"));
        let first: serde_json::Value = serde_json::from_str(&progress(&notice, "7", 1, None)).unwrap();
        let next: serde_json::Value = serde_json::from_str(&progress(&notice, "7", 2, Some(&link))).unwrap();
        assert!(next["progress"].as_f64() > first["progress"].as_f64());
        assert_eq!(first["progressToken"], 7);
        assert!(next["message"].as_str().unwrap().ends_with(&link));
    }
}
