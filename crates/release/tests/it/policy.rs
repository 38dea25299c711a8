//! Malformed policies, and policies weaker than they look, are rejected.

use briefcase_release::ReleasePolicy;
use serde_json::json;

use crate::world::WORLD;

#[test]
fn missing_unknown_and_lax_members_are_rejected() {
    let wrong = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = WORLD.policy_json();
        change(&mut json);
        let error = ReleasePolicy::parse(json.to_string().as_bytes()).expect_err(&json.to_string());
        assert_eq!((error.layer().name(), error.code().is_empty()), ("policy", false));
        error.to_string()
    };
    for name in ["form", "identity", "issuer", "log", "trusted_root"] {
        let said = wrong(&|json| drop(json.as_object_mut().unwrap().remove(name)));
        assert!(said.contains(name), "{said}");
    }
    assert!(wrong(&|json| json["identity"] = json!("")).contains("identity"));
    assert!(wrong(&|json| json["more"] = json!(1)).contains("`more` is unknown"));
    assert!(wrong(&|json| json["trusted_root"] = json!({})).contains("trusted root"));
    assert!(wrong(&|json| json["log"] = json!("quorum none\n")).contains("it names no log"));
    assert!(wrong(&|json| json["log"] = json!("nonsense\n")).contains("line 1"));
    let lax = |json: &mut serde_json::Value| {
        json["log"] = json!(json["log"].as_str().unwrap().replace("quorum two", "quorum none"));
    };
    assert!(wrong(&lax).contains("needs no cosignature"));
    for bad in [&b""[..], b"[]", b"\xff", br#"{"form":"a","form":"b"}"#] {
        assert_eq!(ReleasePolicy::parse(bad).unwrap_err().layer().name(), "policy");
    }
}
