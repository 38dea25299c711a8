//! Additional runs over folders beside the checkout.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

/// An additional run that takes place: the folder is there. [`AdditionalRun::finish`] reports it.
#[must_use = "a run that took place is reported"]
#[derive(Debug)]
pub struct AdditionalRun {
    name: String,
    folder: PathBuf,
}

impl AdditionalRun {
    /// Begins a run over `shared/FOLDER` in an ancestor of the checkout. Returns `None`, and reports it, when no ancestor
    /// has that folder.
    pub fn begin(name: &str, folder: &str) -> Option<Self> {
        let checkout = crate::checkout();
        let mut beside = checkout.ancestors().skip(1).map(|above| above.join("shared").join(folder));
        let found = beside.find(|path| path.exists());
        if found.is_none() {
            report(name, &format!("not run (no folder shared/{folder} beside the checkout)"));
        }
        Some(Self { name: name.to_owned(), folder: found? })
    }

    /// The folder beside the checkout.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reports how many cases ran.
    pub fn finish(self, cases: usize) {
        report(&self.name, &format!("ran ({cases} cases)"));
    }
}

/// Writes one line to the log. The line goes to the stream itself: the test harness captures what `println!` and
/// `eprintln!` write in a test that passes. It begins with a line end, since the harness may have begun a line.
fn report(name: &str, outcome: &str) {
    let line = format!("\nadditional run: {name}: {outcome}\n");
    std::io::stderr().lock().write_all(line.as_bytes()).expect("the log is open");
}
