use super::*;

fn rules(text: &str) -> Rules {
    toml::from_str(&format!("{text}\n[[denied]]\nword = \"desk\"\ninstead = \"approval queue\"\n")).unwrap()
}

fn defined(name: &str, home: &str) -> Type {
    Type { name: name.into(), home: home.into(), place: format!("{home}/src/lib.rs:1") }
}

fn named(name: &str) -> Vec<Name> {
    vec![Name { name: name.into(), is_function: true, place: "crates/a/src/lib.rs:1".into() }]
}

#[test]
fn a_second_type_of_the_same_name_fails_without_a_reason() {
    let types = [defined("Answer", "crates/a"), defined("Answer", "crates/b"), defined("Other", "crates/a")];
    assert_eq!(twice(&rules(""), &types).len(), 1);
    let same = "[[same]]\nname = \"Answer\"\ncrates = [\"crates/b\", \"crates/a\"]\nreason = \"the contract's form\"";
    assert!(twice(&rules(same), &types).is_empty());
}

#[test]
fn an_exception_for_two_crates_does_not_cover_a_third() {
    let types = [defined("Answer", "crates/a"), defined("Answer", "crates/b"), defined("Answer", "crates/c")];
    let same = "[[same]]\nname = \"Answer\"\ncrates = [\"crates/a\", \"crates/b\"]\nreason = \"the contract's form\"";
    assert_eq!(twice(&rules(same), &types).len(), 1);
}

#[test]
fn a_generic_name_may_be_there_once_in_a_crate() {
    let generic = "[[generic]]\nnames = [\"Options\"]\nreason = \"each program has its own\"";
    let mut types = vec![defined("Options", "apps/a"), defined("Options", "apps/b")];
    assert!(twice(&rules(generic), &types).is_empty());
    types.push(defined("Options", "apps/b"));
    assert_eq!(twice(&rules(generic), &types).len(), 1);
}

#[test]
fn types_of_an_excepted_folder_are_not_compared() {
    let folder = "[[folder]]\npath = \"apps/a/src\"\nreason = \"named for the subcommand\"";
    assert!(twice(&rules(folder), &[defined("Set", "apps/a"), defined("Set", "apps/b")]).is_empty());
}

#[test]
fn a_denied_word_is_found_in_every_case_and_in_the_plural() {
    for name in ["desk", "desks", "put_on_desk", "DeskLimits", "NotOnDesk", "desk-races", "desk.test"] {
        assert_eq!(denied(&rules(""), &named(name)).len(), 1, "{name}");
    }
    for name in ["desktop", "approvals"] {
        assert!(denied(&rules(""), &named(name)).is_empty(), "{name}");
    }
    let whole = "[[denied]]\nword = \"keep\"\nwhole = true\ninstead = \"adapters\"";
    assert!(denied(&rules(whole), &named("keep_ledger")).is_empty());
    assert_eq!(denied(&rules(whole), &named("keep")).len(), 1);
    let verb = "[[denied]]\nword = \"keep\"\nverb = true\ninstead = \"adapters\"";
    assert!(denied(&rules(verb), &named("keep")).is_empty(), "a function keeps something");
}

#[test]
fn an_exception_that_nothing_needs_fails() {
    let same = "[[same]]\nname = \"Answer\"\ncrates = [\"crates/a\", \"crates/b\"]\nreason = \"the contract's form\"";
    assert_eq!(twice(&rules(same), &[]).len(), 1);
    let allowed = "[[allowed]]\nname = \"desk\"\nreason = \"a piece of furniture\"";
    assert_eq!(denied(&rules(allowed), &[]).len(), 1);
    let unreasoned_one = "[[allowed]]\nname = \"desk\"\nreason = \" \"";
    assert_eq!(unreasoned(&rules(unreasoned_one)).len(), 1);
}

#[test]
fn private_types_and_tests_are_left_out() {
    let source = "struct A;\npub struct B;\npub(crate) enum C {}\n#[cfg(test)]\nmod tests {\n    pub struct D;\n}\n";
    let found = rust::read(Path::new("crates/a/src/lib.rs"), source).unwrap();
    let types: Vec<&str> = found.types.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(types, ["B", "C"]);
    let names: Vec<&str> = found.names.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["A", "B", "C"]);
}
