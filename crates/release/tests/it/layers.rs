//! Tampering with each layer, and the layer that rejects it. The cases match the table in docs/security.md.

use std::collections::BTreeSet;

use briefcase_release::{ReleaseStatus, RollbackState};

use crate::{
    cases,
    world::{MODULES, WORLD, now, seconds},
};

#[test]
fn each_layer_rejects_tampering_with_it() {
    let mut wrong = Vec::new();
    for case in cases::all() {
        let found = case.verify().map_err(|error| (error.layer().name(), error.code()));
        if found != case.expected {
            wrong.push((case.name, found));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn every_layer_has_a_case_and_case_names_are_unique() {
    let cases = cases::all();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len());
    let layers: BTreeSet<&str> = cases.iter().filter_map(|case| case.expected.err()).map(|(layer, _)| layer).collect();
    let all = ["expiry", "headers", "log", "manifest", "module", "page", "policy", "rollback", "signature", "witness"];
    assert!(layers.into_iter().eq(all));
}

#[test]
fn a_verified_manifest_names_signer_time_and_index() {
    let policy = WORLD.policy();
    let published = WORLD.published("second");
    let manifest = policy.manifest(published.evidence(), RollbackState::default(), now()).unwrap();
    assert!(manifest.logged_at().abs_diff(seconds()) < 600);
    assert_eq!(manifest.witnessed().cosigned().len(), 2);
    assert_eq!((manifest.signer(), manifest.index()), (&policy.signer, 1));
    let release = manifest.module(MODULES[0]).unwrap();
    assert_eq!((release.status(), release.release().version), (ReleaseStatus::Allowed, 1));
    let by_digest = manifest.release(&briefcase_types::Digest::sha256(MODULES[0])).unwrap();
    assert_eq!(by_digest.release(), release.release());
}
