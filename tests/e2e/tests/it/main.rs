//! End-to-end tests: the real daemon and the real gateway as processes, with real peers on both sides.
//!
//! `attack_…` files follow the numbers of the specification's attack table; `docs/STATUS.md` lists them.
//! `Guards:` names the promise that a test protects.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step fails the test"
)]

mod agents;
mod attack_01_08_definitions;
mod attack_02_03_pins;
mod attack_05_steering;
mod attack_07_harvesting;
mod attack_08_floods;
mod attack_11_16_outputs;
mod attack_11_channels;
mod attack_18_header_credentials;
mod attack_19_21_binding;
mod attack_22_27_approvals;
mod attack_24_25_browser;
mod attack_35_39_http;
mod attack_35_moved_clock;
mod attack_40_41_sockets_stdio;
mod attack_40_races;
mod attack_47_50_exhaustion;
mod attack_48_carried_schemas;
mod attack_53_57_state;
mod attack_57_restore;
mod attack_60_policy;
mod attack_61_full_disk;
mod attack_62_one_path;
mod attack_63_beside;
mod attack_64_wrong_clock;
mod attack_65_stdio_injection;
mod attack_66_labels;
mod attack_67_definitions_as_outputs;
mod attack_68_echoes;
mod attack_69_listeners;
mod attack_70_local_exhaustion;
mod attack_71_uris;
mod attack_72_fsck;
mod attack_72_questions;
mod bad_input;
mod canaries;
mod canaries_in_outputs;
mod console;
mod environments;
mod everything;
mod main_job;
mod receipt_checks;
mod same_user;
mod secret_once;
mod server_requests;
mod upgrades;
