//! The suite's result files: one folder per scenario with its checks.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;

/// The result of a scenario.
pub enum Outcome {
    Passed,
    Failed(String),
}

/// Reads the result of `scenario` below `out`. A scenario that did not run has failed.
pub fn outcome(out: &Path, scenario: &str) -> Result<Outcome, Failure> {
    let Some((_, folder)) = folders(out)?.into_iter().find(|(name, _)| name == scenario) else {
        return Ok(Outcome::Failed("it did not run".into()));
    };
    outcome_of(&std::fs::read_to_string(folder.join("checks.json"))?)
}

/// Returns the number of passed unscored scenarios, as `passed/all`.
pub fn unscored(out: &Path, scored: &[String]) -> Result<String, Failure> {
    let (mut passed, mut all) = (0, 0);
    for (name, folder) in folders(out)? {
        if scored.contains(&name) {
            continue;
        }
        all += 1;
        match outcome_of(&std::fs::read_to_string(folder.join("checks.json"))?)? {
            Outcome::Passed => passed += 1,
            Outcome::Failed(why) => println!("unscored {name}: {why}"),
        }
    }
    Ok(format!("{passed}/{all}"))
}

fn outcome_of(checks: &str) -> Result<Outcome, Failure> {
    let checks: Value = serde_json::from_str(checks)?;
    let checks = checks.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |check: &Value, name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let failed = checks.iter().find(|check| text(check, "status") == "FAILURE");
    Ok(match failed {
        Some(check) => Outcome::Failed(format!("{}: {}", text(check, "id"), text(check, "errorMessage"))),
        // A scenario may have no check for a server. The suite itself counts that as passed.
        None => Outcome::Passed,
    })
}

/// Scenario names with their folders, `server-NAME-TIMESTAMP`.
fn folders(out: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(name) = name.strip_prefix("server-").and_then(without_time) {
            found.push((name.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Removes the time from `NAME-2026-01-02T03-04-05-678Z`.
fn without_time(name: &str) -> Option<&str> {
    const TIME: usize = "-2026-01-02T03-04-05-678Z".len();
    name.split_at_checked(name.len().checked_sub(TIME)?).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_fails_the_scenario_and_a_warning_does_not() {
        let failed = r#"[{"status":"SUCCESS"},{"id":"a","status":"FAILURE","errorMessage":"no"}]"#;
        assert!(matches!(outcome_of(failed).unwrap(), Outcome::Failed(why) if why == "a: no"));
        assert!(matches!(outcome_of(r#"[{"status":"WARNING"}]"#).unwrap(), Outcome::Passed));
    }

    #[test]
    fn folder_names_lose_their_time() {
        assert_eq!(without_time("tools-list-2026-11-21T09-36-13-067Z"), Some("tools-list"));
        assert_eq!(without_time("short"), None);
    }
}
