use std::{fs, io::Read};

use briefcase_types::{Incarnation, UnixMillis};
use briefcase_vault::{
    KdfCost, UnlockKey, VaultError,
    backup::{self, BackupSource, FileEntry, Manifest, Moment, Opener, RESTORE_MARKER, Recipient},
};
use proptest::prelude::*;

use crate::{PASSPHRASE, fixture, seeded, text};

fn moment() -> Moment {
    Moment {
        created: UnixMillis(1_800_000_000_000),
        incarnation: Incarnation::random(&seeded(9)),
        head: "origin\n42\nroot\n".into(),
    }
}

fn entry(name: &str, bytes: usize) -> FileEntry {
    FileEntry { name: name.to_owned(), bytes: u64::try_from(bytes).unwrap() }
}

fn sealed(recipient: Recipient<'_>, files: &[(&str, &[u8])]) -> Result<Vec<u8>, VaultError> {
    let mut out = Vec::new();
    let mut contents: Vec<&[u8]> = files.iter().map(|(_, content)| *content).collect();
    let mut sources: Vec<BackupSource<'_>> = files
        .iter()
        .zip(&mut contents)
        .map(|((name, bytes), content)| BackupSource { entry: entry(name, bytes.len()), content })
        .collect();
    backup::seal(&mut out, recipient, moment(), &mut sources, &seeded(5))?;
    Ok(out)
}

fn verified(archive: &[u8], opener: Opener<'_>) -> Result<Manifest, VaultError> {
    backup::open(&mut &*archive, opener)?.verify()
}

fn key() -> UnlockKey {
    UnlockKey::generate(&seeded(6))
}

#[test]
fn only_its_recipient_opens_an_archive() {
    let it = fixture(1);
    let (passphrase, wrong, key) = (text(PASSPHRASE), text("wrong horse battery"), key());
    let files: [(&str, &[u8]); 2] = [("vault.json", b"{}"), ("briefcase.db", b"db")];
    let by_passphrase =
        sealed(Recipient::Passphrase { passphrase: &passphrase, cost: KdfCost::FLOOR }, &files).unwrap();
    let by_key = sealed(Recipient::UnlockKey(&key), &files).unwrap();
    let by_vault = sealed(Recipient::Vault(&it.keys), &files).unwrap();
    let other = fixture(2);
    let openers = [
        Opener::Passphrase(&passphrase),
        Opener::UnlockKey(&key),
        Opener::Vault(&it.keys),
        Opener::Passphrase(&wrong),
        Opener::Vault(&other.keys),
    ];
    for (at, archive) in [by_passphrase, by_key, by_vault].iter().enumerate() {
        for (who, opener) in openers.into_iter().enumerate() {
            match verified(archive, opener) {
                Ok(manifest) => assert!(at == who && manifest.moment == moment(), "{who} opened {at}"),
                Err(error) => assert!(at != who && matches!(error, VaultError::DoesNotOpen), "{who} {at} {error}"),
            }
        }
    }
}

#[test]
fn a_restore_writes_the_files_into_a_new_marked_folder() {
    let key = key();
    let large: Vec<u8> = (0..300_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let archive = sealed(Recipient::UnlockKey(&key), &[("a.db", &large), ("empty", b""), ("head", b"h")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("state");
    let restored = backup::open(&mut archive.as_slice(), Opener::UnlockKey(&key)).unwrap().restore(&target).unwrap();
    assert_eq!(fs::read(target.join("a.db")).unwrap(), large);
    assert_eq!(fs::read(target.join("empty")).unwrap(), b"");
    let marker: Moment = serde_json::from_slice(&fs::read(target.join(RESTORE_MARKER)).unwrap()).unwrap();
    assert_eq!((marker, restored.manifest.moment), (moment(), moment()));
    let mode = |path| std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o777;
    assert_eq!((mode(target.clone()), mode(target.join("a.db"))), (0o700, 0o600));
    let again = backup::open(&mut archive.as_slice(), Opener::UnlockKey(&key)).unwrap().restore(&target);
    assert!(matches!(again.err(), Some(VaultError::AlreadyExists)), "nothing is overwritten");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_truncated_archive_restores_nothing() {
    let key = key();
    let archive = sealed(Recipient::UnlockKey(&key), &[("a.db", &[7; 200_000]), ("b", b"x")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sealed_chunk = 64 * 1024 + 48;
    let body = archive.len() - (200_000 + 48 * 4);
    for cut in [
        archive.len() - 1,
        archive.len() - 100,
        archive.len() - sealed_chunk,
        body + sealed_chunk - 500,
        body + 10,
        20,
        3,
        0,
    ] {
        let mut rest = &archive[..cut];
        let opened = backup::open(&mut rest, Opener::UnlockKey(&key));
        let restored = opened.and_then(|opened| opened.restore(&folder.path().join("state")));
        assert!(restored.is_err(), "cut at {cut}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "cut at {cut}");
    }
}

/// Splits an archive into its header and its sealed chunks.
fn taken_apart(archive: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let header = 17 + 4 + usize::try_from(u32::from_be_bytes(archive[17..21].try_into().unwrap())).unwrap();
    (archive[..header].to_vec(), archive[header..].chunks(64 * 1024 + 48).map(<[u8]>::to_vec).collect())
}

#[test]
fn chunks_cannot_be_dropped_swapped_repeated_or_moved_to_another_archive() {
    let key = key();
    let files: [(&str, &[u8]); 1] = [("a.db", &[7; 300_000])];
    let archive = sealed(Recipient::UnlockKey(&key), &files).unwrap();
    let (header, chunks) = taken_apart(&archive);
    assert_eq!(chunks.len(), 5);
    let mut swapped = chunks.clone();
    swapped.swap(1, 2);
    let mut dropped = chunks.clone();
    dropped.remove(2);
    let mut no_end = chunks.clone();
    no_end.pop();
    let mut repeated = chunks.clone();
    repeated.insert(2, chunks[2].clone());
    let mut end_twice = chunks.clone();
    end_twice.push(chunks[4].clone());
    for (name, chunks) in [
        ("swapped", swapped),
        ("dropped", dropped),
        ("no end", no_end),
        ("repeated", repeated),
        ("end twice", end_twice),
    ] {
        let forged = [header.clone(), chunks.concat()].concat();
        assert!(matches!(verified(&forged, Opener::UnlockKey(&key)).err(), Some(VaultError::DoesNotOpen)), "{name}");
    }
    let mut out = Vec::new();
    let mut content = [8_u8; 300_000].as_slice();
    let mut sources = [BackupSource { entry: entry("a.db", 300_000), content: &mut content }];
    backup::seal(&mut out, Recipient::UnlockKey(&key), moment(), &mut sources, &seeded(77)).unwrap();
    let (_, foreign) = taken_apart(&out);
    let mut moved = chunks;
    moved[1].clone_from(&foreign[1]);
    let forged = [header, moved.concat()].concat();
    assert!(verified(&forged, Opener::UnlockKey(&key)).is_err());
}

#[test]
fn every_changed_byte_of_a_small_archive_is_detected() {
    let key = key();
    let archive = sealed(Recipient::UnlockKey(&key), &[("head", b"h")]).unwrap();
    for at in 0..archive.len() {
        let mut forged = archive.clone();
        forged[at] ^= 4;
        assert!(verified(&forged, Opener::UnlockKey(&key)).is_err(), "byte {at}");
    }
    let longer = [archive.as_slice(), b"x"].concat();
    assert!(verified(&longer, Opener::UnlockKey(&key)).is_err());
    let newer = String::from_utf8_lossy(&archive).contains("\"version\":1");
    assert!(newer, "the header says its version");
}

#[test]
fn an_archive_of_a_newer_version_is_rejected_as_newer() {
    let key = key();
    let archive = sealed(Recipient::UnlockKey(&key), &[("head", b"h")]).unwrap();
    let at = archive.windows(11).position(|bytes| bytes == b"\"version\":1").unwrap();
    let mut newer = archive;
    newer[at + 10] = b'2';
    assert!(matches!(verified(&newer, Opener::UnlockKey(&key)).err(), Some(VaultError::UnknownVersion { found: 2 })));
}

#[test]
fn names_that_leave_the_folder_are_rejected() {
    let key = key();
    for name in ["", "../x", "/etc/passwd", "a/b", ".hidden", "..", "A", "a\0", "restored.json", &"a".repeat(65)] {
        assert!(sealed(Recipient::UnlockKey(&key), &[(name, b"x")]).is_err(), "{name:?}");
    }
    assert!(sealed(Recipient::UnlockKey(&key), &[("a", b"x"), ("a", b"y")]).is_err(), "the same name twice");
    let short = text("short");
    assert!(sealed(Recipient::Passphrase { passphrase: &short, cost: KdfCost::FLOOR }, &[]).is_err());
}

#[test]
fn a_file_that_changes_its_length_while_it_is_read_fails_the_backup() {
    let key = key();
    for said in [2, 4] {
        let mut content = b"abc".as_slice();
        let mut sources = [BackupSource { entry: entry("a", said), content: &mut content }];
        let sealed = backup::seal(&mut Vec::new(), Recipient::UnlockKey(&key), moment(), &mut sources, &seeded(5));
        assert!(sealed.is_err(), "{said}");
    }
}

/// A reader that returns a few bytes at a time, like a pipe.
struct Dripping<'a>(&'a [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(7919);
        self.0.read(&mut buffer[..most])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_files_survive_a_round_trip(lengths in proptest::collection::vec(prop_oneof![0_usize..300, 65_000_usize..66_000, 131_000_usize..131_200], 0..4)) {
        let key = key();
        let contents: Vec<Vec<u8>> = lengths.iter().map(|length| vec![u8::try_from(length % 256).unwrap(); *length]).collect();
        let names: Vec<String> = (0..contents.len()).map(|at| format!("f{at}")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(contents.iter().map(Vec::as_slice)).collect();
        let archive = sealed(Recipient::UnlockKey(&key), &files).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("t");
        let _restored = backup::open(&mut Dripping(&archive), Opener::UnlockKey(&key)).unwrap().restore(&target).unwrap();
        for (name, content) in files {
            prop_assert_eq!(fs::read(target.join(name)).unwrap(), content);
        }
    }

    #[test]
    fn no_bytes_make_the_header_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(backup::ArchiveHeader::read(&mut bytes.as_slice()).is_err());
        let framed = [b"BRIEFCASE-BACKUP\n".as_slice(), &u32::try_from(bytes.len()).unwrap().to_be_bytes(), &bytes].concat();
        prop_assert!(backup::ArchiveHeader::read(&mut framed.as_slice()).is_err());
    }
}
