//! A test project with two releases, a log with one manifest for each state of them, and three witnesses.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::LazyLock};

use briefcase_release::{Release, ReleaseEvidence, ReleaseManifest, ReleasePolicy};
use briefcase_tlog::{
    Checkpoint, LogProof, LogVerifierKey, PublicKey, SignedCheckpoint, Witness,
    merkle::{Frontier, leaf_hash},
};
use briefcase_types::{Digest, UnixMillis};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::mock::{self, IDENTITY, ISSUER};

pub const MODULES: [&[u8]; 3] = [b"export const v = 1;", b"export const v = 2;", b"export const v = 3;"];
pub const HEADERS: &[u8] =
    b"/*\n  X-Content-Type-Options: nosniff\n/kms.html\n  Content-Security-Policy: default-src 'none'\n";

/// A published release: the manifest, its signature and its log proof.
#[derive(Clone)]
pub struct Published {
    pub manifest: Vec<u8>,
    pub bundle: Vec<u8>,
    pub proof: String,
}

impl Published {
    pub fn evidence(&self) -> ReleaseEvidence<'_> {
        ReleaseEvidence { manifest: &self.manifest, bundle: &self.bundle, proof: self.proof.as_bytes() }
    }
}

pub struct World {
    pub root: serde_json::Value,
    /// The expiry of the manifests, in seconds since 1970.
    pub later: u64,
    pub published: BTreeMap<&'static str, Published>,
    entries: Vec<Vec<u8>>,
}

/// Made once, because signing takes a second.
pub static WORLD: LazyLock<World> = LazyLock::new(World::make);

/// The current time, because the bundles are signed now.
#[expect(clippy::disallowed_methods, reason = "the certificates of the mock services begin when they are made")]
pub fn now() -> UnixMillis {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMillis(u64::try_from(now.as_millis()).unwrap())
}

pub fn seconds() -> u64 {
    now().0 / 1000
}

pub fn page(version: u64) -> Vec<u8> {
    format!("<!doctype html><title>{version}</title>").into_bytes()
}

pub fn release(version: u64) -> Release {
    Release {
        version,
        sha256: Digest::sha256(MODULES[usize::try_from(version).unwrap() - 1]),
        page: Digest::sha256(&page(version)),
        headers: Digest::sha256(HEADERS),
        commit: "0123456789abcdef0123456789abcdef01234567".into(),
        schema: 1,
    }
}

pub fn manifest(current: u64, allowed: &[u64], deprecated: &[u64], floor: u64, expires: u64) -> ReleaseManifest {
    let list = |versions: &[u64]| versions.iter().map(|version| release(*version)).collect();
    ReleaseManifest {
        current: release(current),
        allowed: list(allowed),
        deprecated: list(deprecated),
        version_floor: floor,
        expires,
    }
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    PublicKey::from_bytes(key(seed).verifying_key().as_bytes()).unwrap()
}

pub fn log_key() -> LogVerifierKey {
    LogVerifierKey { origin: "releases.example/log".parse().unwrap(), key: public(1) }
}

pub fn witness(seed: u8) -> Witness {
    Witness::new(&format!("witness.example/{seed}"), public(seed)).unwrap()
}

/// A checkpoint over these roots, signed by the key with this seed and cosigned now.
pub fn head(size: u64, root: Digest, log: u8, witnesses: &[u8]) -> SignedCheckpoint {
    let head = Checkpoint { origin: log_key().origin, size, root };
    let signed = head.sign(&public(log), |text| Some(key(log).sign(text).to_bytes())).unwrap();
    witnesses.iter().fold(signed, |head, seed| {
        let line = witness(*seed).cosign(&head, seconds(), |text| Some(key(*seed).sign(text).to_bytes())).unwrap();
        head.with_lines(&line).unwrap()
    })
}

impl World {
    fn make() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("release");
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        // The start of 2100, so that the vectors do not expire.
        let later = 4_102_444_800;
        let made = [
            ("first", manifest(1, &[], &[], 1, later)),
            ("second", manifest(2, &[1], &[], 1, later)),
            ("withdrawn", manifest(3, &[2], &[1], 2, later)),
            ("ended", manifest(2, &[1], &[], 1, seconds() - 10)),
        ];
        let names = made.iter().map(|(name, _)| *name).chain(["nonsense"]);
        let entries: Vec<Vec<u8>> =
            made.iter().map(|(_, manifest)| manifest.encode().unwrap()).chain([b"{\"form\":1}".to_vec()]).collect();
        let files: Vec<PathBuf> = names.clone().map(|name| folder.join(name)).collect();
        for (file, entry) in files.iter().zip(&entries) {
            fs::write(file, entry).unwrap();
        }
        let root = serde_json::from_slice(&mock::sign(&folder, &files)).unwrap();
        let mut world = Self { root, later, published: BTreeMap::new(), entries: entries.clone() };
        for (place, (name, manifest)) in (0..).zip(names.zip(entries)) {
            let bundle = fs::read(folder.join(format!("{name}.sigstore.json"))).unwrap();
            let proof = world.proof(place, 1, &[2, 3]);
            world.published.insert(name, Published { manifest, bundle, proof });
        }
        world
    }

    /// The proof for a manifest, under a checkpoint signed by these keys.
    pub fn proof(&self, index: u64, log: u8, witnesses: &[u8]) -> String {
        let mut frontier = Frontier::new();
        let stored: Vec<Digest> = self.entries.iter().flat_map(|entry| frontier.append(leaf_hash(entry))).collect();
        let head = head(frontier.size(), frontier.root(), log, witnesses);
        LogProof::prove(index, &head, &stored[..]).unwrap().text()
    }

    pub fn policy_json(&self) -> serde_json::Value {
        let witnesses: String = [2, 3, 4].map(|seed| format!("witness w{seed} {}\n", witness(seed))).concat();
        serde_json::json!({
            "form": "briefcase/release-policy@1",
            "identity": IDENTITY,
            "issuer": ISSUER,
            "log": format!("log {}\n{witnesses}group two 2 w2 w3 w4\nquorum two\n", log_key()),
            "trusted_root": self.root,
        })
    }

    pub fn policy(&self) -> ReleasePolicy {
        ReleasePolicy::parse(self.policy_json().to_string().as_bytes()).unwrap()
    }

    pub fn published(&self, name: &str) -> Published {
        self.published[name].clone()
    }
}
