//! Generated test vectors. The generator is a second implementation that shares no code with ours, so that agreement is
//! meaningful.

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// A folder of vectors/, its program, and the file that the program writes beside itself.
const MADE: [(&str, &str, &str); 2] = [("enclave", "make.py", "forms.json"), ("receipts", "make.py", "receipts.json")];

/// Writes the vectors, or compares them with `--check`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    make(workspace::flag(args, "--check"))
}

/// Makes every file in a temporary folder, then compares it with the committed one or replaces that.
pub fn make(check: bool) -> Result<(), Failure> {
    for (folder, program, file) in MADE {
        let from = workspace::root().join("vectors").join(folder);
        let into = workspace::target().join("vectors").join(folder);
        std::fs::create_dir_all(&into)?;
        std::fs::copy(from.join(program), into.join(program))?;
        Step::new("python3").args([into.join(program)]).run()?;
        let made = std::fs::read(into.join(file))?;
        let committed = from.join(file);
        if std::fs::read(&committed).is_ok_and(|now| now == made) {
            continue;
        }
        if check {
            return Err(Failure::new(format!("{} is not what {program} makes", committed.display())));
        }
        std::fs::write(committed, made)?;
    }
    Ok(())
}
