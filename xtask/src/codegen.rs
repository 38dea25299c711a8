//! The generated files that are committed. `--check` writes nothing and fails when one of them is not what its
//! generator makes.

use std::path::Path;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// What makes a file: a cargo command whose stdout is the file.
struct Generated {
    file: &'static str,
    cargo: &'static [&'static str],
}

const GENERATED: &[Generated] = &[];

/// Writes the generated files, or checks them.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let check = workspace::flag(args, "--check");
    let mut stale = Vec::new();
    for generated in GENERATED {
        let made = Step::cargo().args(generated.cargo).read()?;
        if !settle(&workspace::root().join(generated.file), &made, check)? {
            stale.push(generated.file);
        }
    }
    if stale.is_empty() {
        println!("codegen: {} files are what their generators make", GENERATED.len());
        return Ok(());
    }
    Err(Failure::new(format!("not what their generators make: {}. Run `cargo xtask codegen`", stale.join(", "))))
}

/// Brings `file` to `made`; when only checking, tells whether it already is.
pub fn settle(file: &Path, made: &str, check: bool) -> Result<bool, Failure> {
    let same = std::fs::read_to_string(file).is_ok_and(|now| now == made);
    if same || check {
        return Ok(same);
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, made)?;
    println!("wrote {}", file.display());
    Ok(true)
}
