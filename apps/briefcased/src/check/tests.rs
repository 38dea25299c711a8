//! Attack 72: `fsck` finds every edit that a start refuses, with and without the vault's keys.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use briefcase_policy::{
    authority::{Pin, Server},
    pin,
};
use briefcase_ports::{Entry, FactorEvidence, Record, Urgency};
use briefcase_receipts::{Kind, Notice, Receipt, Word};
use briefcase_types::{SecretBytes, SecretString, Transport};
use briefcase_vault::UnlockKey;
use bytes::Bytes;
use rusqlite::{Connection, types::Value};

use super::*;
use crate::{
    process::clock::OsEntropy,
    startup::{
        UnlockedState,
        tests::{Home, PIN, close, home},
    },
};

/// A state with every kind of row and file: a server with definitions, two secrets, a ledger snapshot and receipts.
async fn filled() -> Home {
    let home = home();
    let open = home.open().unwrap();
    for (name, value) in [("first", "a secret"), ("second", "another secret")] {
        let name: SecretName = name.parse().unwrap();
        let value = SecretBytes::new(value.as_bytes().to_vec());
        let sealed = open.briefcase.vault.seal_secret(&name, 1, &value).unwrap();
        let record = Record::Secret { name: name.clone(), sealed: Some(sealed.record.clone()) };
        apply(&open, move |document| document.set_secret(name, sealed.digest), vec![record]).await;
    }
    let name: briefcase_types::ServerId = "files".parse().unwrap();
    let mut server = Server::new(Transport::Stdio { argv: vec!["x".into()], env: Default::default(), cwd: None });
    let mut records = Vec::new();
    for tool in ["look", "change"] {
        let definition = serde_json::json!({ "name": tool, "inputSchema": { "type": "object" } });
        let digest = pin::pin(&name, &definition);
        let pinned = Pin::new(digest);
        server.pins.insert(tool.parse().unwrap(), pinned);
        records.push(Record::Definition { pin: digest, raw: Bytes::from(definition.to_string()) });
    }
    apply(&open, move |document| document.add_server(name, server), records).await;
    open.factors.snapshot().await;
    note(&open).await;
    close(open).await;
    close(home.open().unwrap()).await;
    home
}

async fn apply(
    open: &UnlockedState,
    edit: impl FnOnce(
        &briefcase_policy::authority::Authority,
    )
        -> Result<briefcase_policy::authority::AuthorityChange, briefcase_policy::authority::AuthorityError>,
    records: Vec<Record>,
) {
    let prepared = open.engine.prepare(b"test", edit, records).unwrap();
    open.engine.apply(prepared, FactorEvidence::Pin(SecretString::new(PIN.to_owned()))).await.unwrap();
}

async fn note(open: &UnlockedState) {
    let notice = Notice { what: Word::lossy("test"), agent: None, server: None, detail: None };
    let receipt = Receipt { at: open.engine.now(), kind: Kind::Notice(notice) };
    open.engine.record(Entry { receipt, opening: None }, Urgency::Now).await.unwrap();
}

fn lay(home: &Home, files: &[(PathBuf, Vec<u8>)]) {
    for entry in fs::read_dir(&home.paths.state).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    for (path, bytes) in files {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// The findings, without the vault's keys or with them.
fn findings(home: &Home, with_key: bool) -> Vec<String> {
    let key = OwnedCredential::UnlockKey(UnlockKey::parse(&SecretString::new(home.key.clone())).unwrap());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    match examined(&home.paths.state, with_key.then_some(&key), &entropy) {
        Ok(report) => report.findings.iter().map(|finding| format!("{:?}: {}", finding.fault, finding.what)).collect(),
        Err(error) => vec![error.to_string()],
    }
}

struct Table {
    home: Home,
    good: Vec<(PathBuf, Vec<u8>)>,
    tried: usize,
    refused: usize,
}

impl Table {
    async fn new() -> Self {
        let home = filled().await;
        let good = home.files();
        assert_eq!(findings(&home, false), Vec::<String>::new());
        assert_eq!(findings(&home, true), Vec::<String>::new());
        Self { home, good, tried: 0, refused: 0 }
    }

    /// Makes one edit of a fresh copy. What the start refuses must be a finding, with and without keys.
    async fn edit(&mut self, what: &str, edit: impl FnOnce(&Path)) {
        lay(&self.home, &self.good);
        edit(&self.home.paths.state);
        let (without, with) = (findings(&self.home, false), findings(&self.home, true));
        self.tried += 1;
        match self.home.open() {
            Ok(open) => close(open).await,
            Err(error) => {
                self.refused += 1;
                assert!(!without.is_empty(), "{what}: fsck finds nothing, the start says: {error}");
                assert!(!with.is_empty(), "{what}: fsck with the key finds nothing, the start says: {error}");
            }
        }
    }
}

fn changed(value: &Value) -> Vec<Value> {
    let flips = |bytes: &[u8]| {
        let flip = |at: usize| {
            let mut changed = bytes.to_vec();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1;
            }
            changed
        };
        vec![flip(0), flip(bytes.len() / 2), flip(bytes.len().saturating_sub(1)), Vec::new()]
    };
    match value {
        Value::Integer(number) => vec![Value::Integer(number + 1), Value::Integer(0)],
        Value::Blob(bytes) => flips(bytes).into_iter().map(Value::Blob).collect(),
        Value::Text(text) => vec![Value::Text(format!("{text}x")), Value::Text(String::new())],
        _ => vec![Value::Integer(7)],
    }
    .into_iter()
    .filter(|changed| changed != value)
    .collect()
}

const TABLES: [(&str, &[&str]); 7] = [
    ("life", &["first", "origin"]),
    ("batch", &["first", "count", "newest", "change", "ledger", "open", "bodies", "openings", "signature"]),
    ("subtree", &["id", "hash"]),
    ("authority", &["version", "receipt", "sealed"]),
    ("ledger", &["only", "upto", "sealed"]),
    ("definition", &["pin", "raw"]),
    ("secret", &["name", "sealed"]),
];

/// The values of a column, by the row's first column, which is its key. The newest rows only: a start reads no others.
fn rows(database: &Path, table: &str, column: &str) -> Vec<(Value, Value)> {
    let connection = Connection::open(database).unwrap();
    let key = TABLES.iter().find(|(name, _)| *name == table).unwrap().1[0];
    let sql = format!("SELECT {key}, {column} FROM {table} ORDER BY 1 DESC LIMIT 3");
    let mut statement = connection.prepare(&sql).unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

fn execute(state: &Path, sql: &str, parameters: impl rusqlite::Params) {
    // A constraint may reject the edit. Then nothing is changed, and nothing must be found.
    let _ = Connection::open(state.join("briefcase.db")).unwrap().execute(sql, parameters);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_72_every_row_that_a_start_refuses_is_a_finding() {
    let mut table = Table::new().await;
    let database = table.home.paths.state.join("briefcase.db");
    for (name, columns) in TABLES {
        let key = columns[0];
        for column in columns {
            lay(&table.home, &table.good);
            for (row, value) in rows(&database, name, column) {
                for new in changed(&value) {
                    let sql = format!("UPDATE {name} SET {column} = ?1 WHERE {key} = ?2");
                    let what = format!("{name}.{column} of {row:?}");
                    table.edit(&what, |state| execute(state, &sql, (&new, &row))).await;
                }
            }
        }
        lay(&table.home, &table.good);
        for (row, _) in rows(&database, name, key) {
            let sql = format!("DELETE FROM {name} WHERE {key} = ?1");
            table.edit(&format!("{name} without {row:?}"), |state| execute(state, &sql, [&row])).await;
        }
    }
    for (what, sql) in [
        ("an added definition", "INSERT INTO definition VALUES (randomblob(32), x'7b7d')"),
        ("an added secret", "INSERT INTO secret VALUES ('third', randomblob(64))"),
        ("swapped secrets", "UPDATE secret SET sealed = (SELECT sealed FROM secret s WHERE s.name <> secret.name)"),
        (
            "swapped definitions",
            "UPDATE definition SET raw = (SELECT raw FROM definition d WHERE d.pin <> definition.pin)",
        ),
        ("an added table", "CREATE TABLE more (x)"),
        ("an added trigger", "CREATE TRIGGER t AFTER INSERT ON batch BEGIN DELETE FROM batch; END"),
        ("an earlier form", "PRAGMA user_version = 1"),
        ("a later form", "PRAGMA user_version = 1000"),
        ("another application", "PRAGMA application_id = 1"),
    ] {
        let edit = |state: &Path| Connection::open(state.join("briefcase.db")).unwrap().execute_batch(sql).unwrap();
        table.edit(what, edit).await;
    }
    assert!(table.tried > 100 && table.refused > 60, "{} tried, {} refused", table.tried, table.refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_72_every_file_that_a_start_refuses_is_a_finding() {
    let mut table = Table::new().await;
    let names: Vec<String> =
        table.good.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for name in ["vault.json", "log-key.sealed", "identity.json", "briefcase.db", "head", "overlap"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
    for name in &names {
        let at = |state: &Path| state.join(name);
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("target");
        table
            .edit(&format!("{name} is a link"), |state| {
                fs::copy(at(state), &target).unwrap();
                fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
                fs::remove_file(at(state)).unwrap();
                symlink(&target, at(state)).unwrap();
            })
            .await;
        table
            .edit(&format!("{name} has a second name"), |state| fs::hard_link(at(state), state.join("second")).unwrap())
            .await;
        table
            .edit(&format!("{name} is open to others"), |state| {
                fs::set_permissions(at(state), fs::Permissions::from_mode(0o644)).unwrap();
            })
            .await;
        table
            .edit(&format!("{name} is a folder"), |state| {
                fs::remove_file(at(state)).unwrap();
                fs::create_dir(at(state)).unwrap();
            })
            .await;
        table.edit(&format!("{name} is removed"), |state| fs::remove_file(at(state)).unwrap()).await;
        table.edit(&format!("{name} is emptied"), |state| fs::write(at(state), "").unwrap()).await;
        let length = fs::metadata(at(&table.home.paths.state)).map_or(0, |found| found.len());
        for place in [0, 10, length / 4, length / 2, length.saturating_sub(20), length.saturating_sub(1)] {
            table
                .edit(&format!("{name} edited at {place}"), |state| {
                    let mut bytes = fs::read(at(state)).unwrap();
                    if let Some(byte) = usize::try_from(place).ok().and_then(|place| bytes.get_mut(place)) {
                        *byte ^= 1;
                    }
                    fs::write(at(state), bytes).unwrap();
                })
                .await;
            table
                .edit(&format!("{name} cut at {place}"), |state| {
                    fs::OpenOptions::new().write(true).open(at(state)).unwrap().set_len(place).unwrap();
                })
                .await;
        }
    }
    for name in ["briefcase.db-wal", "briefcase.db-shm", "lock", "overlap", "head"] {
        table
            .edit(&format!("{name} is a link to nothing"), |state| {
                let _ = fs::remove_file(state.join(name));
                symlink("/nonexistent/briefcase", state.join(name)).unwrap();
            })
            .await;
    }
    table
        .edit("the folder is open to others", |state| {
            fs::set_permissions(state, fs::Permissions::from_mode(0o755)).unwrap();
        })
        .await;
    fs::set_permissions(&table.home.paths.state, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(table.tried > 80 && table.refused > 40, "{} tried, {} refused", table.tried, table.refused);
}

/// A value that only the keys open.
#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_key_is_a_finding_and_not_a_clean_report() {
    let home = filled().await;
    let wrong = OwnedCredential::UnlockKey(UnlockKey::generate(&OsEntropy));
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let report = examined(&home.paths.state, Some(&wrong), &entropy).unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
}
