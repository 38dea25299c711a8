//! `briefcase approve` and `briefcase deny`

use std::time::Duration;

use briefcase_api::Question;
use briefcase_types::ApprovalId;
use clap::{Args, ValueEnum};

use super::approvals::{self, Choice, decide_with_pin, question_page};
use crate::{
    change::with_pin, failure::Failure, moment, page::Page, screen::Answer, surroundings::Surroundings,
    terminal::Terminal,
};

const APPROVE: &str = "\
Examples:
  briefcase approve ID                               this one call
  briefcase approve ID --scope session               the same arguments until the session ends
  briefcase approve ID --scope rule --fixed path --for 7d

The question is shown first, then your PIN is asked for.";

/// Allow one question
#[derive(Debug, Args)]
#[command(after_help = APPROVE)]
pub struct Approve {
    /// The question, from `briefcase approvals list`
    id: ApprovalId,
    /// How far it reaches
    #[arg(long, value_enum, default_value = "once")]
    scope: Reach,
    /// With --scope rule: an argument that has to stay as it is (may be repeated)
    #[arg(long, value_name = "ARGUMENT", num_args = 1)]
    fixed: Vec<String>,
    /// With --scope rule: how long it lasts
    #[arg(long = "for", value_name = "DURATION", default_value = "1d", value_parser = moment::duration)]
    lasts: Duration,
}

/// How far an answer reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reach {
    /// This call
    Once,
    /// Exactly these arguments, until the session ends
    Session,
    /// Any arguments of this tool, until the session ends
    SessionTool,
    /// A standing rule with an end
    Rule,
}

impl Approve {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        if self.scope != Reach::Rule && !self.fixed.is_empty() {
            return Err(Failure::usage("--fixed belongs to --scope rule.", "Add --scope rule, or leave it out."));
        }
        let choice = match self.scope {
            Reach::Once => Choice::Once,
            Reach::Session => Choice::SessionExact,
            Reach::SessionTool => Choice::SessionTool,
            Reach::Rule => Choice::Rule { fixed: self.fixed, lasts: self.lasts },
        };
        answer(around, self.id, choice).await
    }
}

const DENY: &str = "\
Example:
  briefcase deny ID";

/// Deny one question
#[derive(Debug, Args)]
#[command(after_help = DENY)]
pub struct Deny {
    /// The question, from `briefcase approvals list`
    id: ApprovalId,
}

impl Deny {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        answer(around, self.id, Choice::Deny).await
    }
}

async fn answer(around: &Surroundings, id: ApprovalId, choice: Choice) -> Result<Answer, Failure> {
    let questions = approvals::open(around).await?;
    let question: &Question = questions.iter().find(|question| question.id == id).ok_or_else(|| {
        let next = "List open questions with `briefcase approvals list`.";
        Failure::new("no_such_question", "There is no open question with this id.", next)
    })?;
    Terminal::open()?.show(&question_page(question, around.now()))?;
    let what = format!("to {}", choice.meaning(question));
    let decided = with_pin(around, &what, async |pin| decide_with_pin(around, question, &choice, pin).await).await?;
    let page = Page::of(format!("{}, recorded as {}", decided.decision, decided.receipt));
    Ok(Answer::new(page, &decided))
}
