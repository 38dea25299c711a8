//! Verifies exported receipts, or a proof for one receipt, offline. An auditor who distrusts the daemon reads this file
//! and its library, and needs the public key of the log.

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

Verifies exported receipts (FOLDER), or that one receipt is in the log (--proof).
  --key KEY           the log's public key, as `briefcase receipts verify --print-key` prints it
  --known CHECKPOINT  a `checkpoint` file saved earlier: the log must continue it
Exit status: 0 verified, 1 not verified, 2 wrong usage or an unreadable file.
";

/// The program failed.
enum Failure {
    /// The verification failed.
    False(String),
    /// The arguments or files were unusable.
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
            Some(option) if option.starts_with('-') => return Err(Failure::Usage("unknown option".into())),
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
        Some(known) => format!("continues the known checkpoint of {} receipts\n", known.size),
        None => "without --known, receipts cut off before this checkpoint cannot be detected\n".to_owned(),
    };
    format!(
        "verified: {} receipts of {}\nroot {}\n{} calls permitted, {} ended, {} unknown after a crash, {} in flight; {} refused\n{continues}",
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
