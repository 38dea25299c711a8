//! `cargo xtask enclave verify`: compares a served enclave with a build of these sources.

use std::path::{Path, PathBuf};

use super::build;
use super::hosts::Hosts;
use super::manifest::Release;
use crate::failure::Failure;
use crate::step::Step;
use crate::{programs, workspace};

/// Builds the module from these sources for the hosts of `--host`, and compares an enclave with its digest. With
/// `--policy FILE`, also verifies its signed release.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let enclave = args.first().filter(|enclave| !enclave.starts_with("--"));
    let enclave = enclave.ok_or_else(|| Failure::new("name the enclave: a URL, or a folder"))?;
    let out = workspace::target().join("enclave/own");
    let cargo = workspace::target().join("enclave/cargo");
    let built = build::build(workspace::root(), &cargo, &out, &Hosts::read(args)?, &Release::read(args)?)?;
    let (program, digest) = (auditor()?, built.digest.hex());
    println!("enclave: these sources make kms-{digest}.mjs");
    verified(&program, &[enclave, "--pin", &digest])?;
    if let Some(policy) = workspace::option(args, "--policy") {
        verified(&program, &[enclave, "--policy", policy])?;
    }
    Ok(())
}

/// The built auditor of enclaves.
pub fn auditor() -> Result<PathBuf, Failure> {
    programs::program("briefcase-enclave", "briefcase-enclave")
}

/// Runs `briefcase-enclave verify`.
pub fn verified(program: &Path, args: &[&str]) -> Result<(), Failure> {
    Step::new(program).args(["verify"]).args(args).run()
}
