//! Verifies an exported record, or a proof for one receipt, offline. Small on purpose: what it takes to distrust the
//! daemon is this file, the library beside it, and the log's public key.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use briefcase_receipts::{
    PublicKey, ReceiptCheckpoint,
    checkpoint::SignedReceiptCheckpoint,
    proof::ReceiptProof,
    verify::{VerifyReport, verify_folder},
};

const USAGE: &str = "\
usage: receipts-verify FOLDER --key KEY [--known CHECKPOINT]
       receipts-verify --proof FILE --receipt FILE --key KEY

Checks an exported record (FOLDER), or that one receipt is in the record (--proof).
  --key KEY           the log's public key, as `briefcase receipts key` prints it
  --known CHECKPOINT  a `checkpoint` file kept from earlier: the record has to continue it
Exit status: 0 what was checked holds, 1 it does not, 2 wrong usage or an unreadable file.
";

/// Why the program did not end well.
enum Failure {
    /// The record does not hold.
    False(String),
    /// The question could not be asked.
    Usage(String),
}

#[derive(Default)]
struct Arguments {
    folder: Option<OsString>,
    key: Option<String>,
    known: Option<OsString>,
    proof: Option<OsString>,
    receipt: Option<OsString>,
}

fn main() -> ExitCode {
    let (code, text) = match run(std::env::args_os().skip(1)) {
        Ok(text) => (0, text),
        Err(Failure::False(text)) => (1, format!("NOT VERIFIED: {text}\n")),
        Err(Failure::Usage(text)) => (2, format!("{text}\n\n{USAGE}")),
    };
    let written =
        if code == 0 { io::stdout().write_all(text.as_bytes()) } else { io::stderr().write_all(text.as_bytes()) };
    if written.is_ok() { ExitCode::from(code) } else { ExitCode::from(2) }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<String, Failure> {
    let arguments = parse(arguments)?;
    let key = arguments.key.ok_or_else(|| Failure::Usage("--key is missing".into()))?;
    let key: PublicKey = key.parse().map_err(|error| Failure::Usage(format!("--key: {error}")))?;
    match (arguments.folder, arguments.proof, arguments.receipt) {
        (Some(folder), None, None) => {
            let known = arguments.known.map(|path| known(Path::new(&path), &key)).transpose()?;
            verify_folder(folder, &key, known)
                .map(|report| describe(&report))
                .map_err(|error| Failure::False(error.to_string()))
        }
        (None, Some(proof), Some(receipt)) if arguments.known.is_none() => {
            prove(&read(&proof)?, &read(&receipt)?, &key)
        }
        _ => Err(Failure::Usage("give either FOLDER, or --proof with --receipt".into())),
    }
}

fn parse(mut given: impl Iterator<Item = OsString>) -> Result<Arguments, Failure> {
    let mut arguments = Arguments::default();
    while let Some(word) = given.next() {
        let mut value = |name: &str| given.next().ok_or_else(|| Failure::Usage(format!("{name} needs a value")));
        match word.to_str() {
            Some("--key") => arguments.key = Some(value("--key")?.to_string_lossy().into_owned()),
            Some("--known") => arguments.known = Some(value("--known")?),
            Some("--proof") => arguments.proof = Some(value("--proof")?),
            Some("--receipt") => arguments.receipt = Some(value("--receipt")?),
            Some(option) if option.starts_with('-') => return Err(Failure::Usage("there is no such option".into())),
            _ if arguments.folder.is_none() => arguments.folder = Some(word),
            _ => return Err(Failure::Usage("one folder at a time".into())),
        }
    }
    Ok(arguments)
}

fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, Failure> {
    let path = path.as_ref();
    fs::read(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn known(path: &Path, key: &PublicKey) -> Result<ReceiptCheckpoint, Failure> {
    let head = SignedReceiptCheckpoint::verify(&read(path)?, key);
    head.map(|head| head.checkpoint().clone()).map_err(|error| Failure::False(format!("--known: {error}")))
}

fn prove(proof: &[u8], receipt: &[u8], key: &PublicKey) -> Result<String, Failure> {
    let proof = ReceiptProof::parse(proof).map_err(|error| Failure::False(error.to_string()))?;
    let (_, head) = proof.verify(receipt, key).map_err(|error| Failure::False(error.to_string()))?;
    let head = head.checkpoint();
    Ok(format!("verified: this is receipt {} of {} in {}\n", proof.index, head.size, head.origin))
}

fn describe(report: &VerifyReport) -> String {
    let (head, summary) = (&report.checkpoint, &report.summary);
    let continues = match &report.continues {
        Some(known) => format!("continues the known head of {} receipts\n", known.size),
        None => {
            "no known head was given: that nothing was cut off before this head was signed is not shown\n".to_owned()
        }
    };
    format!(
        "verified: {} receipts of {}\nroot {}\n{} calls let through, {} ended, {} unknown after a crash, {} in flight; {} refused\n{continues}",
        summary.receipts,
        head.origin,
        head.root,
        summary.intents,
        summary.outcomes,
        summary.orphans,
        summary.open,
        summary.refusals,
    )
}
