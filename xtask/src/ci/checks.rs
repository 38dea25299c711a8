//! The checks in their order: quick ones first, then those that need the programs.

use super::Queue;

/// One check: its name and the xtask arguments that run it.
pub struct Check {
    pub name: &'static str,
    pub args: &'static [&'static str],
    pub queue: Queue,
}

/// The check after which all programs are built; it lints them too.
pub const BUILD: &str = "build";

const fn main(name: &'static str, args: &'static [&'static str]) -> Check {
    Check { name, args, queue: Queue::Main }
}

const fn beside(name: &'static str, args: &'static [&'static str], after: Option<&'static str>) -> Check {
    Check { name, args, queue: Queue::Beside { after } }
}

/// Two queues: one compiles and runs Rust tests, the other runs checks that wait for browsers, servers and disks.
pub const CHECKS: &[Check] = &[
    main("fmt", &["fmt"]),
    main("layers", &["layers"]),
    main("sizes", &["sizes"]),
    main("names", &["names"]),
    main("docs", &["docs"]),
    main("deny", &["deny"]),
    main(BUILD, &["build", "--lint"]),
    beside("web", &["web"], None),
    main("codegen", &["codegen", "--check"]),
    main("test", &["test"]),
    main("e2e", &["e2e"]),
    beside("enclave", &["enclave", "test"], Some(BUILD)),
    beside("release", &["enclave", "rehearse"], Some(BUILD)),
    beside("conformance", &["conformance"], Some(BUILD)),
    beside("durability", &["durability", "--seconds", "60"], Some(BUILD)),
    main("ahead", &["ahead"]),
    main("instructions", &["instructions"]),
    main("fuzz", &["fuzz", "--seconds", "10"]),
];
