//! Makes a built folder publishable: signed, logged, witnessed. The release workflow runs this with Sigstore's own
//! client and the project's log; `rehearse` runs it with a mock Sigstore, and a log and witnesses of its own.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::log::LogProgram;
use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

const MANIFEST: &str = ".well-known/kms-manifest.json";
const BUNDLE: &str = ".well-known/kms-manifest.sigstore.json";
const PROOF: &str = ".well-known/kms-manifest.tlog-proof";

/// Members in the order of canonical JSON, so that the output is the bytes that `crates/release` reads.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    allowed: Vec<Release>,
    current: Release,
    deprecated: Vec<Release>,
    expires: u64,
    form: String,
    version_floor: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Release {
    commit: String,
    headers: String,
    page: String,
    schema: u64,
    sha256: String,
    version: u64,
}

/// The log of a release.
#[derive(Debug)]
pub struct Logged {
    /// The log's folder.
    pub log: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// A C2SP tlog-policy with the addresses of its witnesses.
    pub policy: PathBuf,
}

/// Writes the bundle over a manifest.
pub type Signer<'a> = &'a dyn Fn(&Path, &Path) -> Result<(), Failure>;

/// `cargo xtask enclave publish DIR --log DIR --log-key FILE --log-policy FILE [--previous DIR]`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let path = |name: &str| {
        let found = workspace::option(args, name).map(PathBuf::from);
        found.ok_or_else(|| Failure::new(format!("say {name}")))
    };
    let site = args.first().filter(|site| !site.starts_with("--")).map(PathBuf::from);
    let site = site.ok_or_else(|| Failure::new("name the folder that `cargo xtask enclave build` wrote"))?;
    let logged = Logged { log: path("--log")?, key: path("--log-key")?, policy: path("--log-policy")? };
    if let Some(previous) = workspace::option(args, "--previous") {
        follow(&site, Path::new(previous))?;
    }
    publish(&site, &logged, &cosign)
}

/// Signs and logs the manifest, collects cosignatures, and writes the evidence beside the manifest. A signed manifest
/// keeps its signature, so a failed run can be repeated.
pub fn publish(site: &Path, logged: &Logged, sign: Signer<'_>) -> Result<(), Failure> {
    let (manifest, bundle, proof) = (site.join(MANIFEST), site.join(BUNDLE), site.join(PROOF));
    if !bundle.is_file() {
        sign(&manifest, &bundle)?;
    }
    let program = LogProgram::build()?;
    let Logged { log, key, policy } = logged;
    let flag = |name: &str| PathBuf::from(name);
    program.run([&flag("add"), log, &manifest, &flag("--key"), key])?;
    program.run([&flag("collect"), log, &flag("--policy"), policy])?;
    program.run([&flag("proof"), log, &manifest, &flag("--policy"), policy, &flag("--out"), &proof])
}

/// Runs Sigstore's client without a key of ours: the workflow is the identity.
fn cosign(manifest: &Path, bundle: &Path) -> Result<(), Failure> {
    Step::new("cosign").args(["sign-blob", "--yes", "--bundle"]).args([bundle, manifest]).run()
}

/// Adds the previous release: its module stays in the folder and in the list of allowed ones while the new one rolls
/// out. Older allowed releases become deprecated.
pub fn follow(site: &Path, previous: &Path) -> Result<(), Failure> {
    let read =
        |dir: &Path| -> Result<Manifest, Failure> { Ok(serde_json::from_slice(&std::fs::read(dir.join(MANIFEST))?)?) };
    let (new, old) = (read(site)?, read(previous)?);
    if old.current.version >= new.current.version {
        let (old, new) = (old.current.version, new.current.version);
        return Err(Failure::new(format!("release {new} does not follow release {old}: say --release {}", old + 1)));
    }
    let same = old.current.sha256 == new.current.sha256;
    let (mut allowed, mut deprecated) = (Vec::new(), [old.allowed, old.deprecated].concat());
    if !same {
        let name = format!("artifacts/kms-{}.mjs", old.current.sha256);
        std::fs::copy(previous.join(&name), site.join(&name))?;
        allowed.push(old.current.clone());
    }
    deprecated.retain(|release| release.sha256 != new.current.sha256);
    let version_floor = if same { new.current.version } else { old.current.version };
    let manifest = Manifest { allowed, deprecated, version_floor, ..new };
    Ok(std::fs::write(site.join(MANIFEST), serde_json::to_vec(&manifest)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str, version: u64, module: &str) -> PathBuf {
        let dir = workspace::target().join("enclave/publish-test").join(name);
        let _absent = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join(".well-known")).unwrap();
        std::fs::create_dir_all(dir.join("artifacts")).unwrap();
        let sha256 = module.repeat(64);
        std::fs::write(dir.join(format!("artifacts/kms-{sha256}.mjs")), module).unwrap();
        let digest = "0".repeat(64);
        let release =
            Release { commit: "0".repeat(40), headers: digest.clone(), page: digest, schema: 1, sha256, version };
        let manifest = Manifest {
            allowed: Vec::new(),
            current: release,
            deprecated: Vec::new(),
            expires: 1,
            form: "briefcase/kms-manifest@1".into(),
            version_floor: version,
        };
        std::fs::write(dir.join(MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
        dir
    }

    fn manifest(dir: &Path) -> Manifest {
        serde_json::from_slice(&std::fs::read(dir.join(MANIFEST)).unwrap()).unwrap()
    }

    #[test]
    fn the_previous_release_stays_allowed_and_older_ones_do_not() {
        let (one, two, three) = (site("1", 1, "a"), site("2", 2, "b"), site("3", 3, "c"));
        follow(&two, &one).unwrap();
        follow(&three, &two).unwrap();
        let made = manifest(&three);
        let versions = |list: &[Release]| list.iter().map(|release| release.version).collect::<Vec<_>>();
        assert_eq!((versions(&made.allowed), versions(&made.deprecated), made.version_floor), (vec![2], vec![1], 2));
        assert!(three.join(format!("artifacts/kms-{}.mjs", "b".repeat(64))).is_file());
        let text = std::fs::read_to_string(three.join(MANIFEST)).unwrap();
        assert!(text.starts_with(r#"{"allowed":[{"commit":"#) && !text.contains(' '), "{text}");
    }

    #[test]
    fn a_number_is_not_given_twice_and_the_same_module_is_not_listed_twice() {
        let (two, again, next) = (site("4", 2, "a"), site("5", 2, "b"), site("6", 3, "a"));
        assert!(follow(&again, &two).is_err());
        follow(&next, &two).unwrap();
        let made = manifest(&next);
        assert_eq!((made.allowed.len(), made.deprecated.len(), made.version_floor), (0, 0, 3));
    }

    /// The workflows cannot run here, but dangerous or broken parts of them can be detected.
    #[test]
    fn the_workflows_pin_their_actions_and_request_few_rights() {
        for name in ["release", "watch", "weekly"] {
            let path = workspace::root().join(format!(".github/workflows/{name}.yml"));
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains("\npermissions: {}\n") && !text.contains("pull_request"), "{name}");
            let uses: Vec<&str> =
                text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: ")).collect();
            assert!(!uses.is_empty());
            for action in uses {
                let pin = action.split('@').nth(1).and_then(|pin| pin.split(' ').next()).unwrap();
                assert!(pin.len() == 40 && pin.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action} is not pinned");
            }
            // Form input of a person never becomes part of a script.
            let scripts = text.split("run:").skip(1).map(|script| script.split("- ").next().unwrap());
            assert!(scripts.into_iter().all(|script| !script.contains("${{")), "{name}");
            for command in text.split("cargo xtask enclave ").skip(1) {
                let command = command.split_whitespace().next().unwrap().trim_matches('`');
                assert!(["build", "publish", "rehearse", "reproduce"].contains(&command), "{command}");
            }
        }
    }
}
