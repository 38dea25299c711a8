//! `briefcase grants`

use briefcase_api::{Change, GrantView};
use clap::{Args, Subcommand};

use crate::{
    change,
    failure::Failure,
    moment,
    page::{Page, Tone, span},
    screen::Answer,
    surroundings::Surroundings,
};

const EXAMPLES: &str = "\
Examples:
  briefcase grants list
  briefcase grants revoke ID

A grant is made by allowing a question as a rule: `briefcase approvals`, then `r`. It always ends.";

/// Standing rules that you allowed beyond once
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Grants {
    /// List standing rules
    #[command(after_help = EXAMPLES)]
    List,
    /// Take a standing rule back
    #[command(after_help = EXAMPLES)]
    Revoke(Revoke),
}

/// A rule by id.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Its id, from `briefcase grants list`
    id: String,
}

impl Grants {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        match self {
            Self::List => {
                let grants: Vec<GrantView> = around.client.get("/v1/grants").await?;
                Ok(Answer::new(list(&grants, around), &grants))
            }
            Self::Revoke(Revoke { id }) => {
                let applied = change::confirm(around, Change::RevokeGrant { id }).await?;
                Ok(change::answer("Rule revoked.", &applied))
            }
        }
    }
}

fn list(grants: &[GrantView], around: &Surroundings) -> Page {
    let now = around.now();
    let mut page = Page::new();
    if grants.is_empty() {
        page.text("No standing rules.");
        return page;
    }
    for grant in grants {
        let what = format!("{} may call {}/{}", grant.agent, grant.server, grant.tool);
        page.line([span(&grant.id, Tone::Name), "  ".into(), span(what, Tone::Strong)]);
        page.field("arguments", grant.fixed.to_string());
        page.field("ends", format!("{} ({})", moment::relative(grant.expires, now), moment::utc(grant.expires)));
    }
    page
}
