//! Servers on stdio without a usable launcher.

use briefcase_types::Era;
use serde_json::json;

use crate::harness::{Harness, key};

#[tokio::test]
async fn a_missing_launcher_is_reported_with_the_fix_and_does_not_count_as_the_servers_failure() {
    let harness = Harness::with_jail("/nonexistent/briefcase-jail".into());
    harness.stdio("s", &["true"]);
    for _ in 0..3 {
        let failure = harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap_err();
        assert_eq!(failure.reason(), "not_ready");
        let text = failure.to_string();
        assert!(
            text.contains("/nonexistent/briefcase-jail") && text.contains("install all Briefcase programs"),
            "{text}"
        );
    }
}
