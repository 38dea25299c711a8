//! stub
use crate::{failure::Failure, screen::Answer, surroundings::Surroundings};
use clap::Args;
/// demo
#[derive(Debug, Args)]
pub struct Demo {}
impl Demo {
    pub async fn run(self, _: &Surroundings) -> Result<Answer, Failure> {
        Err(Failure::Cancelled)
    }
}
