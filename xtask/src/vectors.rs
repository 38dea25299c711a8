//! The shared test vectors of vectors/, which every language checks. Each is made by an example program of the
//! crate that owns the format.

use crate::codegen;
use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// A vector file and the package whose example `vectors` prints it.
struct Vectors {
    file: &'static str,
    package: &'static str,
}

const VECTORS: &[Vectors] = &[];

/// Writes the vectors, or checks them with `--check`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let check = workspace::flag(args, "--check");
    let mut stale = Vec::new();
    for vectors in VECTORS {
        let made = Step::cargo().args(["run", "--quiet", "--example", "vectors", "-p", vectors.package]).read()?;
        if !codegen::settle(&workspace::root().join(vectors.file), &made, check)? {
            stale.push(vectors.file);
        }
    }
    if stale.is_empty() {
        println!("vectors: {} files are what their crates make", VECTORS.len());
        return Ok(());
    }
    Err(Failure::new(format!("not what their crates make: {}. Run `cargo xtask vectors`", stale.join(", "))))
}
