//! Attack 54: every change on disk is detected when the state is opened, or by `fsck`.

use std::{
    fs,
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use briefcase_ports::{Entry, Journal as _, Record, Urgency};
use briefcase_receipts::{Kind, Receipt, commit::CommitmentKey};
use briefcase_store::{ExpectedState, Fault, FsckOptions, FsckReport, LedgerCheck, Reader, Store, fsck};
use briefcase_types::{Digest, ReceiptIndex};
use rusqlite::{Connection, types::Value};

use crate::{append_lazily, change, entry, folder, keys, wait};

/// A ledger that counts calls.
#[derive(Default)]
struct Calls(u64);

impl LedgerCheck for Calls {
    fn apply(&mut self, _: ReceiptIndex, receipt: &Receipt) {
        self.0 += u64::from(matches!(receipt.kind, Kind::Intent(_)));
    }

    fn state(&mut self) -> Vec<u8> {
        format!("calls {}", self.0).into_bytes()
    }
}

fn commit_key() -> CommitmentKey {
    CommitmentKey::new(zeroize::Zeroizing::new([3; 32]))
}

fn committed_intent(number: u64) -> Entry {
    let arguments = serde_json::json!({ "n": number });
    let mut receipt = keys::intent(number);
    if let Kind::Intent(intent) = &mut receipt.kind {
        intent.args = Some(commit_key().arguments(&intent.call, &arguments).root());
    }
    Entry { receipt, opening: Some(serde_json::to_vec(&arguments).unwrap().into()) }
}

/// Builds a state with every kind of row: 260 calls, three versions of the authority, two incarnations.
fn build(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    let store = Store::open(path, keys::options(ExpectedState::ExistingOrNew, 1)).unwrap().0;
    let definition = |raw: &'static str| Record::Definition { pin: Digest::sha256(raw.as_bytes()), raw: raw.into() };
    let secret = |sealed: &'static str| Record::Secret { name: "github".parse().unwrap(), sealed: Some(sealed.into()) };
    change(&store, 0, "{\"v\":1}", vec![definition("one"), secret("sealed one")]);
    change(&store, 1, "{\"v\":2}", vec![definition("two"), secret("sealed two")]);
    append_lazily(&store, (0..256).map(committed_intent));
    store.snapshot("calls 256".into(), ReceiptIndex(258));
    append_lazily(&store, (0..255).map(|number| entry(keys::outcome(number))));
    drop(store);
    fs::remove_file(path.join("head")).unwrap();
    let store = Store::open(path, keys::options(ExpectedState::Restored, 2)).unwrap().0;
    change(&store, 2, "{\"v\":3}", vec![definition("three")]);
    for number in 300..304 {
        wait(store.append(committed_intent(number), Urgency::Now)).unwrap();
    }
}

fn check(path: &Path) -> FsckReport {
    let (key, mut calls) = (commit_key(), Calls::default());
    let options = FsckOptions {
        seal: Some(Arc::new(keys::TestSeal(1))),
        commitments: Some(&key),
        document_digest: Some(Digest::sha256),
        definition_pin: Some(Digest::sha256),
        ledger: Some(&mut calls),
        ..FsckOptions::new(keys::LogKey::new(7).public())
    };
    fsck(path, options).unwrap()
}

/// Returns how a change was detected: by `fsck`, or by opening the state like the daemon.
fn detected(path: &Path) -> Option<String> {
    match fsck_or_error(path) {
        Ok(report) if report.findings.is_empty() => {}
        Ok(report) => return Some(format!("fsck: {:?}", report.findings[0])),
        Err(error) => return Some(error),
    }
    let opened = Store::open(path, keys::options(ExpectedState::Existing, 2));
    let store = match opened {
        Ok((store, _)) => store,
        Err(error) => return Some(error.to_string()),
    };
    store.reader().authority(Digest::sha256).err().map(|error| error.to_string())
}

fn fsck_or_error(path: &Path) -> Result<FsckReport, String> {
    std::panic::catch_unwind(|| check(path)).map_err(|_| "panicked".to_owned())
}

struct Bench {
    place: tempfile::TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Bench {
    fn new() -> Self {
        let original = folder();
        let path = original.path().join("state");
        build(&path);
        assert_eq!(check(&path).findings, []);
        let files = ["briefcase.db", "head"].map(|name| (PathBuf::from(name), fs::read(path.join(name)).unwrap()));
        Self { place: folder(), files: files.to_vec() }
    }

    /// Returns a fresh copy of the state.
    fn state(&self) -> PathBuf {
        let path = self.place.path().join("state");
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        for (name, bytes) in &self.files {
            fs::write(path.join(name), bytes).unwrap();
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    }

    /// Applies statements to a copy. The copy must differ, and the difference must be detected.
    fn must_detect(&self, what: &str, edit: impl FnOnce(&Connection) -> usize) {
        let path = self.state();
        let connection = Connection::open(path.join("briefcase.db")).unwrap();
        let changed = edit(&connection);
        connection.close().unwrap();
        assert!(changed > 0, "{what}: nothing was changed");
        assert!(detected(&path).is_some(), "{what} went unnoticed");
    }
}

const TABLES: [(&str, &str, &[&str]); 7] = [
    ("life", "first", &["first", "origin"]),
    ("batch", "first", &["first", "count", "newest", "change", "ledger", "open", "bodies", "openings", "signature"]),
    ("subtree", "id", &["id", "hash"]),
    ("authority", "version", &["version", "receipt", "sealed"]),
    ("ledger", "only", &["only", "upto", "sealed"]),
    ("definition", "pin", &["pin", "raw"]),
    ("secret", "name", &["name", "sealed"]),
];

fn values(connection: &Connection, table: &str, column: &str) -> Vec<Value> {
    let mut statement = connection.prepare(&format!("SELECT {column} FROM {table} ORDER BY 1")).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn flips(bytes: &[u8]) -> Vec<Vec<u8>> {
    let places = [0, bytes.len() / 2, bytes.len().saturating_sub(1)];
    let flip = |place: &usize| {
        let mut changed = bytes.to_vec();
        *changed.get_mut(*place)? ^= 1;
        Some(changed)
    };
    places.iter().filter_map(flip).chain([Vec::new(), [bytes, b"\0"].concat()]).collect()
}

/// Returns changed variants of a value.
fn changes(value: &Value) -> Vec<Value> {
    let all = match value {
        Value::Integer(number) => [number + 1, number - 1, 0, -1].map(Value::Integer).to_vec(),
        Value::Blob(bytes) => flips(bytes).into_iter().map(Value::Blob).collect(),
        Value::Text(text) => flips(text.as_bytes())
            .into_iter()
            .filter_map(|bytes| String::from_utf8(bytes).ok())
            .map(Value::Text)
            .collect(),
        _ => vec![Value::Integer(0), Value::Integer(3)],
    };
    all.into_iter().chain([Value::Null]).filter(|changed| changed != value).collect()
}

#[test]
fn every_column_of_every_table_is_checked() {
    let bench = Bench::new();
    let mut tried = 0;
    for (table, key, columns) in TABLES {
        let original = Connection::open(bench.state().join("briefcase.db")).unwrap();
        let rows = values(&original, table, key);
        assert!(!rows.is_empty(), "{table} is empty");
        let places = [0, rows.len() / 2, rows.len() - 1];
        let mut places = places.to_vec();
        places.dedup();
        for row in places.iter().map(|place| &rows[*place]) {
            for column in columns {
                let select = format!("SELECT {column} FROM {table} WHERE {key} = ?");
                let value: Value = original.query_row(&select, [row], |found| found.get(0)).unwrap();
                for changed in changes(&value) {
                    let update = format!("UPDATE {table} SET {column} = ?1 WHERE {key} = ?2");
                    let path = bench.state();
                    let connection = Connection::open(path.join("briefcase.db")).unwrap();
                    // A constraint may reject the value: then nothing changed.
                    let done = connection.execute(&update, (&changed, row)).unwrap_or(0);
                    connection.close().unwrap();
                    tried += done;
                    assert!(
                        done == 0 || detected(&path).is_some(),
                        "{table}.{column} of {row:?} changed from {value:?} to {changed:?} went unnoticed"
                    );
                }
            }
        }
    }
    assert!(tried > 150, "only {tried} changes were tried");
}

#[test]
fn rows_cannot_be_deleted_added_or_exchanged() {
    let bench = Bench::new();
    for (table, key, columns) in TABLES {
        let original = Connection::open(bench.state().join("briefcase.db")).unwrap();
        for row in values(&original, table, key) {
            let delete = format!("DELETE FROM {table} WHERE {key} = ?");
            bench.must_detect(&format!("deleting {row:?} of {table}"), |db| db.execute(&delete, [&row]).unwrap());
        }
        bench.must_detect(&format!("emptying {table}"), |db| db.execute(&format!("DELETE FROM {table}"), []).unwrap());
        let rest: Vec<&str> = columns.iter().copied().filter(|column| *column != key).collect();
        let rest = rest.join(", ");
        let other = match table {
            "definition" => "x'00'",
            "secret" => "'other'",
            _ => "99999",
        };
        let add = format!("INSERT INTO {table} ({key}, {rest}) SELECT {other}, {rest} FROM {table} LIMIT 1");
        bench.must_detect(&format!("adding to {table}"), |db| db.execute(&add, []).unwrap());
    }
    for column in ["bodies", "openings", "signature", "open", "newest", "count"] {
        let exchange = format!(
            "WITH pair AS (SELECT (SELECT first FROM batch ORDER BY count DESC LIMIT 1) AS a, max(first) AS b FROM batch)
             UPDATE batch SET {column} = (SELECT other.{column} FROM batch AS other, pair
                WHERE other.first = CASE batch.first WHEN a THEN b ELSE a END)
             WHERE first IN (SELECT a FROM pair UNION SELECT b FROM pair)"
        );
        bench.must_detect(&format!("exchanging {column}"), |db| db.execute(&exchange, []).unwrap());
    }
    bench.must_detect("an older secret", |db| {
        db.execute("UPDATE secret SET sealed = CAST('sealed one' AS BLOB)", []).unwrap()
    });
}

#[test]
fn every_byte_of_the_head_is_checked() {
    let bench = Bench::new();
    for at in (0..8192).step_by(37).chain([4095, 4096, 8191]) {
        let path = bench.state();
        let head = fs::OpenOptions::new().read(true).write(true).open(path.join("head")).unwrap();
        let mut byte = [0];
        head.read_exact_at(&mut byte, at).unwrap();
        head.write_all_at(&[byte[0] ^ 1], at).unwrap();
        assert!(detected(&path).is_some(), "byte {at} of the head");
    }
    for length in [0, 1, 100, 4096, 4200] {
        let path = bench.state();
        fs::OpenOptions::new().write(true).open(path.join("head")).unwrap().set_len(length).unwrap();
        assert!(detected(&path).is_some(), "a head cut to {length}");
    }
}

/// Returns the content of all tables.
fn content(path: &Path) -> Option<Vec<Vec<Value>>> {
    let connection = Connection::open(path.join("briefcase.db")).ok()?;
    let columns = TABLES.iter().flat_map(|(table, _, columns)| columns.iter().map(move |column| (table, column)));
    let read = |(table, column): (&&str, &&str)| {
        let mut statement = connection.prepare(&format!("SELECT {column} FROM {table}")).ok()?;
        statement.query_map([], |row| row.get(0)).ok()?.collect::<Result<Vec<_>, _>>().ok()
    };
    columns.map(read).collect()
}

#[test]
fn a_changed_byte_changes_no_content_or_is_detected() {
    let bench = Bench::new();
    let original = content(&bench.state()).unwrap();
    let size = u64::try_from(bench.files[0].1.len()).unwrap();
    let mut unnoticed = 0;
    for at in (0..size).step_by(usize::try_from(size / 160).unwrap()) {
        let path = bench.state();
        let database = fs::OpenOptions::new().read(true).write(true).open(path.join("briefcase.db")).unwrap();
        let mut byte = [0];
        database.read_exact_at(&mut byte, at).unwrap();
        database.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
        if detected(&path).is_none() {
            unnoticed += 1;
            assert_eq!(content(&path).as_ref(), Some(&original), "byte {at} changed the content undetected");
        }
    }
    assert!(unnoticed < 60, "{unnoticed} of 160 bytes mean nothing");
}

#[test]
fn a_history_rewritten_without_the_key_is_rejected() {
    let bench = Bench::new();
    let (forged, path) = (folder(), bench.state());
    let mut options = keys::options(ExpectedState::ExistingOrNew, 2);
    let key = keys::LogKey::new(8);
    (options.key, options.signer) = (key.public(), Box::new(key));
    let store = Store::open(forged.path(), options).unwrap().0;
    append_lazily(&store, (0..600).map(|n| entry(keys::intent(n))));
    drop(store);
    fs::copy(forged.path().join("briefcase.db"), path.join("briefcase.db")).unwrap();
    let faults: Vec<Fault> = check(&path).findings.iter().map(|finding| finding.fault).collect();
    assert!(faults.contains(&Fault::Forked) && faults.contains(&Fault::Signature), "{faults:?}");
    assert!(Store::open(&path, keys::options(ExpectedState::Existing, 2)).is_err());
    fs::copy(forged.path().join("head"), path.join("head")).unwrap();
    assert!(Store::open(&path, keys::options(ExpectedState::Existing, 2)).is_err());
}

#[test]
fn receipts_added_behind_the_head_without_the_key_are_rejected() {
    let bench = Bench::new();
    let path = bench.state();
    let connection = Connection::open(path.join("briefcase.db")).unwrap();
    let body = keys::intent(900).encode().unwrap();
    let bodies =
        [&[0, u8::try_from(body.len() & 0x7f).unwrap() | 0x80, u8::try_from(body.len() >> 7).unwrap()], &body[..]];
    let insert = "INSERT INTO batch SELECT first + count, 1, newest, change, ledger, open, ?, x'', signature FROM batch ORDER BY first DESC LIMIT 1";
    assert_eq!(connection.execute(insert, [bodies.concat()]).unwrap(), 1);
    connection.close().unwrap();
    let error = Store::open(&path, keys::options(ExpectedState::Existing, 2)).map(|_| ()).unwrap_err();
    assert!(matches!(error, briefcase_store::StoreError::Forked { .. }), "{error}");
}

#[test]
fn an_edited_receipt_does_not_reach_the_ledger() {
    let bench = Bench::new();
    let path = bench.state();
    let connection = Connection::open(path.join("briefcase.db")).unwrap();
    let first =
        connection.query_row("SELECT first FROM batch WHERE first >= 2 LIMIT 1", [], |row| row.get::<_, i64>(0));
    let swap = "UPDATE batch SET bodies = (SELECT bodies FROM batch WHERE first = 0) WHERE first = 1";
    assert_eq!(connection.execute(swap, []).unwrap(), 1, "{first:?}");
    connection.close().unwrap();
    let reader = Reader::open(&path, keys::LogKey::new(7).public(), None).unwrap();
    assert!(reader.replay(ReceiptIndex(0), |_, _| Ok(())).is_err());
    assert!(reader.prove(ReceiptIndex(1)).is_err());
}
