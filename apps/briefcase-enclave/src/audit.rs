//! The checks of one audit: fetch as browsers do, compare the responses, and hand everything to `briefcase-release`.

use std::collections::BTreeSet;

use briefcase_release::{
    BUNDLE_PATH, HEADERS_COPY_PATH, HEADERS_PATH, HeadersFile, Layer, MANIFEST_PATH, PAGE_PATH, PROOF_PATH, Release,
    ReleaseError, ReleaseEvidence, ReleaseManifest, ReleasePolicy, RollbackState, TrustedManifest, hex, module_path,
};
use briefcase_types::{Digest, UnixMillis};

use crate::{
    fetch_profile::{self, FetchProfile},
    report::{AuditReport, LayerCheck, ServedFacts},
    source::{EnclaveSource, FetchError, ServedFile},
    trust::TrustAnchor,
};

/// The layers of a manifest, in the order in which they are checked.
const MANIFEST_LAYERS: [Layer; 6] =
    [Layer::Signature, Layer::Log, Layer::Witness, Layer::Manifest, Layer::Expiry, Layer::Rollback];

/// The longest file of evidence.
const EVIDENCE_MAX: u64 = 256 * 1024;
/// The longest module.
const MODULE_MAX: u64 = 4 << 20;

/// One audit of one enclave.
struct Audit<'a> {
    source: &'a EnclaveSource,
    anchor: &'a TrustAnchor,
    seen: RollbackState,
    now: UnixMillis,
    report: AuditReport,
    /// Every response, by path and profile.
    responses: Vec<(String, Vec<(FetchProfile, ServedFile)>)>,
}

/// An audit ends early.
enum AuditEnd {
    /// The report holds the reason.
    Reported,
    /// The enclave was not reached.
    Unreachable(String),
}

/// Runs every check.
///
/// # Errors
/// The reason why the enclave was not reached, which proves nothing about it.
pub async fn run(
    source: &EnclaveSource,
    anchor: &TrustAnchor,
    seen: RollbackState,
    now: UnixMillis,
) -> Result<AuditReport, String> {
    let report = AuditReport::new(source.name(), now);
    let mut audit = Audit { source, anchor, seen, now, report, responses: Vec::new() };
    if let Err(AuditEnd::Unreachable(reason)) = audit.all().await {
        return Err(reason);
    }
    audit.compare_responses();
    Ok(audit.report)
}

impl Audit<'_> {
    async fn all(&mut self) -> Result<(), AuditEnd> {
        let page = self.get(PAGE_PATH, EVIDENCE_MAX, &fetch_profile::PAGE).await?;
        let file = self.headers_file().await?;
        match self.anchor {
            TrustAnchor::Policy(policy) => self.released(policy, &page, &file).await,
            TrustAnchor::Pin(digest) => self.pinned(*digest, &page, &file).await,
        }
    }

    async fn headers_file(&mut self) -> Result<ServedFile, AuditEnd> {
        let copy = self.get(HEADERS_COPY_PATH, EVIDENCE_MAX, &fetch_profile::EVIDENCE).await?;
        if !self.source.is_site() {
            let own = self.get(HEADERS_PATH, EVIDENCE_MAX, &fetch_profile::EVIDENCE).await?;
            if own.bytes != copy.bytes {
                let message = format!("{HEADERS_PATH} and {HEADERS_COPY_PATH} differ");
                self.report.add(LayerCheck::failed("headers", "headers_file", message));
            }
        }
        Ok(copy)
    }

    async fn released(&mut self, policy: &ReleasePolicy, page: &ServedFile, file: &ServedFile) -> Result<(), AuditEnd> {
        let manifest = self.get(MANIFEST_PATH, EVIDENCE_MAX, &fetch_profile::EVIDENCE).await?;
        let bundle = self.get(BUNDLE_PATH, EVIDENCE_MAX, &fetch_profile::EVIDENCE).await?;
        let proof = self.get(PROOF_PATH, EVIDENCE_MAX, &fetch_profile::EVIDENCE).await?;
        let evidence = ReleaseEvidence { manifest: &manifest.bytes, bundle: &bundle.bytes, proof: &proof.bytes };
        self.report.facts.manifest = Some(hex(&Digest::sha256(&manifest.bytes)));
        let trusted = match policy.manifest(evidence, self.seen, self.now) {
            Ok(trusted) => trusted,
            Err(error) => {
                self.manifest_refused(&error);
                return Err(AuditEnd::Reported);
            }
        };
        self.manifest_passed(&trusted);
        let wanted = self.served(&trusted, page);
        let module = self.get(&module_path(&wanted), MODULE_MAX, &fetch_profile::MODULE).await?;
        let verified = match trusted.module(&module.bytes) {
            Ok(verified) => verified,
            Err(error) => {
                self.refused(&error);
                return Ok(());
            }
        };
        self.report.seen = verified.seen();
        let release = verified.release();
        self.report.facts.release(release);
        self.module_named(&wanted, release);
        self.check("page", verified.page(&page.bytes), "kms.html is the release's");
        match verified.headers(&file.bytes) {
            Ok(headers) => self.sent(&headers),
            Err(error) => self.refused(&error),
        }
        Ok(())
    }

    /// The release whose page is served. The current one when no release has this page, which another check reports.
    fn served(&self, trusted: &TrustedManifest, page: &ServedFile) -> Digest {
        let digest = Digest::sha256(&page.bytes);
        let served = trusted.manifest().releases().find(|(_, release)| release.page == digest);
        served.map_or(trusted.manifest().current.sha256, |(_, release)| release.sha256)
    }

    /// Without a policy the manifest is only a claim of the server: the module alone is checked against an outside value.
    async fn pinned(&mut self, pin: Digest, page: &ServedFile, file: &ServedFile) -> Result<(), AuditEnd> {
        let module = self.get(&module_path(&pin), MODULE_MAX, &fetch_profile::MODULE).await?;
        let digest = Digest::sha256(&module.bytes);
        if digest == pin {
            self.report.add(LayerCheck::ok("module", "its bytes have the pinned digest"));
        } else {
            let message = format!("the module {} is not the pinned one", hex(&digest));
            self.report.add(LayerCheck::failed("module", "unknown_module", message));
        }
        let manifest = self.get(MANIFEST_PATH, EVIDENCE_MAX, &fetch_profile::EVIDENCE).await?;
        self.report.facts.manifest = Some(hex(&Digest::sha256(&manifest.bytes)));
        let manifest = match ReleaseManifest::parse(&manifest.bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.refused(&error);
                return Ok(());
            }
        };
        let Some((_, release)) = manifest.find(&pin) else {
            self.refused(&ReleaseError::UnknownModule { digest: hex(&pin) });
            return Ok(());
        };
        self.report.facts.release(release);
        let same =
            |bytes: &[u8], wanted: &Digest, error| if Digest::sha256(bytes) == *wanted { Ok(()) } else { Err(error) };
        let version = release.version;
        let result = same(&page.bytes, &release.page, ReleaseError::Page { version });
        self.check("page", result, "kms.html is the one that the unsigned manifest names");
        let result = same(&file.bytes, &release.headers, ReleaseError::HeadersFile { version });
        match result.and_then(|()| HeadersFile::parse(&file.bytes)) {
            Ok(headers) => self.sent(&headers),
            Err(error) => self.refused(&error),
        }
        for layer in MANIFEST_LAYERS {
            self.report.add(LayerCheck::skipped(layer.name(), "not looked at with --pin"));
        }
        Ok(())
    }

    /// Checks that every response came with the headers that the file names.
    fn sent(&mut self, headers: &HeadersFile) {
        if !self.source.is_site() {
            self.report.add(LayerCheck::skipped("headers", "the file is the release's; a folder sends none"));
            return;
        }
        let responses =
            self.responses.iter().flat_map(|(path, served)| served.iter().map(move |(_, file)| (path, file)));
        for (path, file) in responses {
            let sent = file.sent.iter().map(|(name, value)| (&**name, &**value));
            if let Err(error) = headers.check(&format!("/{path}"), sent) {
                self.report.add(LayerCheck::refused(&error));
                return;
            }
        }
        self.report.add(LayerCheck::ok("headers", "every file came with the release's headers"));
    }

    /// Checks that every profile got the same bytes.
    fn compare_responses(&mut self) {
        if !self.source.is_site() || self.report.checks.iter().any(|check| check.name == "equivocation") {
            return;
        }
        for (path, served) in &self.responses {
            let Some(((first, wanted), others)) = served.split_first() else { continue };
            if let Some((other, _)) = others.iter().find(|(_, file)| file.bytes != wanted.bytes) {
                let message = format!("/{path} is another for {} than for {}", other.name, first.name);
                self.report.add(LayerCheck::failed("equivocation", "equivocation", message));
                return;
            }
        }
        let count: usize = self.responses.iter().map(|(_, served)| served.len()).sum();
        self.report.add(LayerCheck::ok("equivocation", format!("all {count} answers agree, whoever asked")));
    }

    /// Fetches a file with every profile. The first response is the audited one.
    async fn get(&mut self, path: &str, most: u64, profiles: &[FetchProfile]) -> Result<ServedFile, AuditEnd> {
        let profiles = if self.source.is_site() { profiles } else { profiles.get(..1).unwrap_or_default() };
        let (mut served, mut refusals) = (Vec::new(), Vec::new());
        for profile in profiles {
            match self.source.read(path, most, *profile).await {
                Ok(file) => served.push((*profile, file)),
                Err(FetchError::Refused { code, message }) => refusals.push((*profile, code, message)),
                Err(FetchError::Unreachable(reason)) => return Err(AuditEnd::Unreachable(reason)),
            }
        }
        if let Some((profile, code, message)) = refusals.first() {
            let other = served.first().map(|(other, _)| other.name);
            self.report.add(match other {
                None => LayerCheck::failed("files", code, message.clone()),
                Some(other) => {
                    let message = format!("/{path} is there for {other} and not for {}: {message}", profile.name);
                    LayerCheck::failed("equivocation", "equivocation", message)
                }
            });
            return Err(AuditEnd::Reported);
        }
        let first = served.first().map(|(_, file)| file.clone()).ok_or(AuditEnd::Reported)?;
        self.responses.push((path.to_owned(), served));
        Ok(first)
    }

    fn module_named(&mut self, wanted: &Digest, release: &Release) {
        let message = format!("/{} is release {}", module_path(&release.sha256), release.version);
        self.report.add(if release.sha256 == *wanted {
            LayerCheck::ok("module", message)
        } else {
            LayerCheck::failed("module", "unknown_module", format!("another module lies at /{}", module_path(wanted)))
        });
    }

    fn manifest_passed(&mut self, trusted: &TrustedManifest) {
        let witnesses: BTreeSet<&str> = trusted.witnessed().cosigned().iter().map(|(name, _)| &**name).collect();
        let witnesses: Vec<&str> = witnesses.into_iter().collect();
        let head = trusted.witnessed().head().checkpoint();
        let (signer, expires) = (trusted.signer(), trusted.manifest().expires);
        self.report.facts.trusted(trusted);
        for (layer, message) in [
            (Layer::Signature, format!("signed by {}", signer.identity)),
            (Layer::Log, format!("entry {} of {} in {}", trusted.index(), head.size, head.origin)),
            (Layer::Witness, format!("cosigned by {}", witnesses.join(", "))),
            (Layer::Manifest, format!("current release {}", trusted.manifest().current.version)),
            (
                Layer::Expiry,
                format!("in force until {}", briefcase::time_format::utc(UnixMillis(expires.saturating_mul(1000)))),
            ),
            (Layer::Rollback, self.rollback()),
        ] {
            self.report.add(LayerCheck::ok(layer.name(), message));
        }
    }

    fn rollback(&self) -> String {
        if self.seen == RollbackState::default() {
            "nothing was seen before".into()
        } else {
            format!("not older than release {}, which was seen before", self.seen.version)
        }
    }

    /// The layers before the failed one passed; those after it were not reached.
    fn manifest_refused(&mut self, error: &ReleaseError) {
        let failed = MANIFEST_LAYERS.iter().position(|layer| *layer == error.layer());
        for (place, layer) in MANIFEST_LAYERS.iter().enumerate() {
            // Log and witnesses are checked together: neither passes without the other.
            let together =
                matches!(error.layer(), Layer::Log | Layer::Witness) && matches!(layer, Layer::Log | Layer::Witness);
            self.report.add(if Some(place) == failed {
                LayerCheck::refused(error)
            } else if failed.is_some_and(|failed| place < failed) && !together {
                LayerCheck::ok(layer.name(), "held")
            } else {
                LayerCheck::skipped(layer.name(), "not reached")
            });
        }
        if failed.is_none() {
            self.refused(error);
        }
    }

    fn check(&mut self, name: &'static str, result: Result<(), ReleaseError>, message: &str) {
        match result {
            Ok(()) => self.report.add(LayerCheck::ok(name, message)),
            Err(error) => self.refused(&error),
        }
    }

    fn refused(&mut self, error: &ReleaseError) {
        self.report.add(LayerCheck::refused(error));
    }
}

impl ServedFacts {
    fn release(&mut self, release: &Release) {
        self.version = Some(release.version);
        self.commit = Some(release.commit.clone());
        self.module = Some(hex(&release.sha256));
        self.page = Some(hex(&release.page));
        self.headers = Some(hex(&release.headers));
    }

    fn trusted(&mut self, trusted: &TrustedManifest) {
        let head = trusted.witnessed().head().checkpoint();
        self.index = Some(trusted.index());
        self.log_size = Some(head.size);
        self.log_root = Some(hex(&head.root));
        self.expires = Some(trusted.manifest().expires);
    }
}
