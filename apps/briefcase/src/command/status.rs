//! `briefcase status`

use briefcase_api::Status as View;
use briefcase_types::UnixMillis;
use clap::Args;

use crate::{
    failure::Failure,
    moment,
    page::{Page, Tone, span},
    screen::{Answer, problem_page},
    surroundings::Surroundings,
};

const EXAMPLES: &str = "\
Examples:
  briefcase status
  briefcase status --json | jq -r .state";

/// Show how things stand
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {}

impl Status {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        let status: View = around.client.get("/v1/status").await?;
        Ok(answer(&status, around.now()))
    }
}

/// How things stand.
pub fn answer(status: &View, now: UnixMillis) -> Answer {
    Answer::new(page(status, now), status).negative(status.state == "failed")
}

fn page(status: &View, now: UnixMillis) -> Page {
    let mut page = Page::new();
    let tone = match status.state.as_str() {
        "ready" => Tone::Good,
        "locked" => Tone::Warn,
        _ => Tone::Bad,
    };
    page.line([span("Briefcase ", Tone::Strong), span(&status.state, tone)]);
    page.field("version", status.version.as_str());
    page.field("started", moment::relative(status.started, now));
    if let Some(console) = &status.console {
        page.field("console", span(console, Tone::Name));
    }
    if status.state != "locked" {
        page.field("authority", format!("version {}", status.authority_version));
        page.field("servers", status.servers.to_string());
        page.field("sessions", status.sessions.to_string());
        page.field("receipts", status.receipts.to_string());
        let open = span(status.approvals.to_string(), if status.approvals > 0 { Tone::Warn } else { Tone::Plain });
        page.field("approvals", open);
    }
    if let Some(problem) = &status.problem {
        page.append(problem_page(problem));
    }
    match (status.state.as_str(), status.approvals) {
        ("locked", _) => page.next("Open it with `briefcase unlock`."),
        (_, 1..) => page.next("Answer with `briefcase approvals`."),
        _ => &mut page,
    };
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_briefcase_says_how_to_open_it() {
        let status = View {
            version: "0.1.0".into(),
            state: "locked".into(),
            problem: None,
            started: UnixMillis(0),
            authority_version: 0,
            receipts: 0,
            approvals: 0,
            sessions: 0,
            servers: 0,
            console: Some("http://localhost:4483".into()),
        };
        insta::assert_snapshot!(page(&status, UnixMillis(600_000)).render(false));
        let ready = View { state: "ready".into(), approvals: 2, receipts: 1042, servers: 1, ..status };
        insta::assert_snapshot!(page(&ready, UnixMillis(600_000)).render(false));
    }
}
