//! The findings of an audit, for a person and for a program.

use briefcase::{
    output::{TextOutput, Tone, span},
    printer::CommandResult,
    time_format,
};
use briefcase_release::{ReleaseError, RollbackState};
use briefcase_types::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    Ok,
    Failed,
    NotChecked,
}

/// The check of one layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerCheck {
    /// The checked layer.
    pub name: &'static str,
    pub outcome: CheckOutcome,
    /// The stable code of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub message: String,
}

impl LayerCheck {
    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, outcome: CheckOutcome::Ok, code: None, message: message.into() }
    }

    pub fn skipped(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, outcome: CheckOutcome::NotChecked, code: None, message: message.into() }
    }

    pub fn failed(name: &'static str, code: &str, message: impl Into<String>) -> Self {
        Self { name, outcome: CheckOutcome::Failed, code: Some(code.to_owned()), message: message.into() }
    }

    pub fn refused(error: &ReleaseError) -> Self {
        Self::failed(error.layer().name(), error.code(), error.to_string())
    }

    /// The advice for a failure.
    fn next(&self) -> &'static str {
        match self.name {
            "policy" => "Correct the policy, or use one from a source you trust.",
            "equivocation" => "Do not use it. It shows some visitors something else; publish both answers.",
            "files" => "If the enclave is yours, publish every file of the release; otherwise notify its maintainers.",
            "expiry" => "Its maintainers must renew the manifest; until then nothing proves that it is up to date.",
            "rollback" => "Do not use it. An older release is served than was seen before; notify its maintainers.",
            "witness" => "Do not use it until enough witnesses have seen the log; notify its maintainers.",
            _ => "Do not use it. What is served is not what was released; notify its maintainers.",
        }
    }
}

/// Facts about the served files. `watch` stores them to report changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServedFacts {
    pub version: Option<u64>,
    pub commit: Option<String>,
    pub module: Option<String>,
    pub page: Option<String>,
    pub headers: Option<String>,
    pub manifest: Option<String>,
    pub index: Option<u64>,
    pub log_size: Option<u64>,
    pub log_root: Option<String>,
    pub expires: Option<u64>,
}

/// The report of one audit.
#[derive(Clone, Debug)]
pub struct AuditReport {
    pub name: String,
    pub at: UnixMillis,
    pub checks: Vec<LayerCheck>,
    pub facts: ServedFacts,
    /// The versions to remember, against rollback.
    pub seen: RollbackState,
}

impl AuditReport {
    pub fn new(name: String, at: UnixMillis) -> Self {
        Self { name, at, checks: Vec::new(), facts: ServedFacts::default(), seen: RollbackState::default() }
    }

    pub fn add(&mut self, check: LayerCheck) {
        self.checks.push(check);
    }

    /// The first failure.
    pub fn failure(&self) -> Option<&LayerCheck> {
        self.checks.iter().find(|check| check.outcome == CheckOutcome::Failed)
    }

    pub fn verified(&self) -> bool {
        self.failure().is_none()
    }

    pub fn answer(&self) -> CommandResult {
        CommandResult::new(self.output(), &self.json()).negative(!self.verified())
    }

    pub fn json(&self) -> Value {
        json!({
            "verified": self.verified(),
            "enclave": self.name,
            "at": self.at,
            "checks": self.checks,
            "release": self.facts,
            "next_step": self.failure().map(LayerCheck::next),
        })
    }

    pub fn output(&self) -> TextOutput {
        let mut output = TextOutput::new();
        match self.failure() {
            None => output.line([span("✓ ", Tone::Good), span(format!("{} is verified", self.name), Tone::Strong)]),
            Some(_) => output.line([span("✗ NOT VERIFIED: ", Tone::Bad), span(&self.name, Tone::Strong)]),
        };
        if let (Some(version), Some(module)) = (self.facts.version, &self.facts.module) {
            output.field("release", version.to_string());
            output.field("module", module.as_str());
            output.field("commit", self.facts.commit.clone().unwrap_or_default());
        }
        output.field("checked", time_format::utc(self.at));
        output.blank();
        for check in &self.checks {
            let (mark, tone) = match check.outcome {
                CheckOutcome::Ok => ("  ✓ ", Tone::Good),
                CheckOutcome::Failed => ("  ✗ ", Tone::Bad),
                CheckOutcome::NotChecked => ("  · ", Tone::Warn),
            };
            let code = check.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            output.line([
                span(mark, tone),
                span(format!("{:<13}", check.name), Tone::Plain),
                check.message.as_str().into(),
                span(code, Tone::Dim),
            ]);
        }
        if let Some(failure) = self.failure() {
            output.next(failure.next());
        }
        output
    }
}
