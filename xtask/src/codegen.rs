//! The generated files that are committed. `--check` writes nothing and fails when a file differs from the output of
//! its generator.

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

/// Makes the files again, or compares them.
type Make = fn(check: bool) -> Result<(), Failure>;

const GENERATED: [(&str, Make); 3] = [
    ("web/console/src/generated/contract.ts", contract),
    ("web/console/dist", console),
    ("vectors", crate::vectors::make),
];

/// Writes the generated files, or checks them.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let check = workspace::flag(args, "--check");
    for (what, make) in GENERATED {
        make(check).map_err(|error| {
            let next = if check { ". Run `cargo xtask codegen` and look at what changed" } else { "" };
            Failure::new(format!("{what}: {error}{next}"))
        })?;
        println!("codegen: {what} is up to date");
    }
    Ok(())
}

/// The admin contract's types for the console, from the types of `crates/api`.
fn contract(check: bool) -> Result<(), Failure> {
    let web = workspace::root().join("web");
    node::install(&web)?;
    let arguments = ["run", "--quiet", "--locked", "--package", "briefcase-api"];
    let example = ["--example", "typescript", "--features", "typescript"];
    let declarations = Step::cargo().args(arguments).args(example).read()?;
    let committed = web.join("console/src/generated/contract.ts");
    let biome = web.join("node_modules/.bin/biome");
    let format = Step::new(biome).args(["format", "--stdin-file-path=console/src/generated/contract.ts"]).dir(&web);
    let made = format.filter(declarations.as_bytes())?;
    if std::fs::read(&committed).is_ok_and(|now| now == made) {
        return Ok(());
    }
    if check {
        return Err(Failure::new("not what the types of crates/api make"));
    }
    Ok(std::fs::write(committed, made)?)
}

/// The daemon's embedded console.
fn console(check: bool) -> Result<(), Failure> {
    let web = workspace::root().join("web");
    node::install(&web)?;
    let check = check.then_some("--check");
    Step::new("node").args(["build.mjs"]).args(check).dir(web.join("console")).run()
}
