//! `briefcase approvals`: what agents ask for, and a person's answer.

mod answer;
mod live;
mod question;

pub use answer::{Choice, decide_with_pin};
use briefcase_api::Question;
use clap::{Args, Subcommand};
pub use live::insist;
pub use question::page as question_page;

use crate::{
    failure::Failure,
    moment,
    page::{Page, Tone, span},
    screen::Answer,
    surroundings::Surroundings,
};

const EXAMPLES: &str = "\
Examples:
  briefcase approvals             go through the open questions
  briefcase approvals --watch     stay, and show each question as it comes
  briefcase approvals list --json
  briefcase approve ID            answer one by its id
  briefcase deny ID

Each question shows the exact arguments that will run. Your PIN is asked for each answer; it cannot be piped in.";

/// Answer what your agents ask for
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Approvals {
    /// Stay, and show each question as it comes
    #[arg(long)]
    watch: bool,
    #[command(subcommand)]
    command: Option<What>,
}

/// What else can be done.
#[derive(Clone, Copy, Debug, Subcommand)]
enum What {
    /// List open questions
    #[command(after_help = EXAMPLES)]
    List,
}

impl Approvals {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        match self.command {
            Some(What::List) => {
                let questions = open(around).await?;
                Ok(Answer::new(list(&questions, around), &questions))
            }
            None if around.json => {
                let next = "Use `briefcase approvals list --json`, then `briefcase approve ID` or `briefcase deny ID`.";
                Err(Failure::usage("Going through questions is for a person.", next))
            }
            None => live::run(around, self.watch).await,
        }
    }
}

/// The open questions.
pub async fn open(around: &Surroundings) -> Result<Vec<Question>, Failure> {
    around.client.get("/v1/approvals").await
}

fn list(questions: &[Question], around: &Surroundings) -> Page {
    let now = around.now();
    let mut page = Page::new();
    if questions.is_empty() {
        page.text("No open questions.");
        return page;
    }
    let row = |question: &Question| {
        vec![
            span(question.id.to_string(), Tone::Name),
            question.agent.as_str().into(),
            format!("{}/{}", question.server, question.name).into(),
            span(&question.risk, Tone::Warn),
            moment::relative(question.expires, now).into(),
        ]
    };
    page.table(&["ID", "AGENT", "WANTS", "RISK", "EXPIRES"], questions.iter().map(row).collect());
    page.next("Answer them with `briefcase approvals`.");
    page
}
