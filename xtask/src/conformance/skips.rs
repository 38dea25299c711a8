//! Scenarios that may fail through gateway and daemon, each with its reason: only where the suite itself is wrong.

use serde::Deserialize;

use crate::failure::Failure;
use crate::workspace;

#[derive(Deserialize)]
pub struct Skips {
    skip: Vec<Skip>,
}

#[derive(Deserialize)]
struct Skip {
    requirements: String,
    scenario: String,
    reason: String,
}

impl Skips {
    /// An empty list.
    pub fn none() -> Self {
        Self { skip: Vec::new() }
    }

    /// The list in `tests/conformance/skips.toml`.
    pub fn read() -> Result<Self, Failure> {
        let text = std::fs::read_to_string(workspace::root().join("tests/conformance/skips.toml"))?;
        let skips: Self = toml::from_str(&text)?;
        match skips.skip.iter().find(|skip| skip.reason.trim().is_empty()) {
            Some(skip) => Err(Failure::new(format!("the skip of {} gives no reason", skip.scenario))),
            None => Ok(skips),
        }
    }

    /// Returns the reason why this scenario may fail, if it is listed.
    pub fn reason(&self, requirements: &str, scenario: &str) -> Option<&str> {
        let mut listed = self.skip.iter();
        listed
            .find(|skip| skip.requirements == requirements && skip.scenario == scenario)
            .map(|skip| skip.reason.as_str())
    }
}
