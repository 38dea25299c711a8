//! The checks themselves: fetch as browsers do, compare what different askers get, and hand everything to
//! `briefcase-release`. What is a release is decided there and nowhere else.

use std::collections::BTreeSet;

use briefcase_release::{
    BUNDLE_PATH, HEADERS_COPY_PATH, HEADERS_PATH, HeadersFile, Layer, MANIFEST_PATH, PAGE_PATH, PROOF_PATH, Release,
    ReleaseError, ReleaseEvidence, ReleaseManifest, ReleasePolicy, RollbackState, TrustedManifest, hex, module_path,
};
use briefcase_types::{Digest, UnixMillis};

use super::{
    fetch_profile::{self, FetchProfile},
    report::{Check, Facts, Report},
    source::{Got, Missing, Source},
};

/// What is believed.
pub enum Trust {
    /// A policy: signer, log and witnesses.
    Policy(Box<ReleasePolicy>),
    /// One module, by its digest.
    Pin(Digest),
}

/// The layers of a manifest, in the order in which they are looked at.
const MANIFEST_LAYERS: [Layer; 6] =
    [Layer::Signature, Layer::Log, Layer::Witness, Layer::Manifest, Layer::Expiry, Layer::Rollback];

/// The most bytes of each file.
const EVIDENCE_MOST: u64 = 256 * 1024;
const MODULE_MOST: u64 = 4 << 20;

/// One run over one enclave.
pub struct Run<'a> {
    source: &'a Source,
    trust: &'a Trust,
    seen: RollbackState,
    now: UnixMillis,
    report: Report,
    /// What was got for each path in its first guise, for the headers.
    pages: Vec<(String, Vec<(FetchProfile, Got)>)>,
}

/// Why a run ends early.
enum Stop {
    /// The report says it already.
    Told,
    /// Nobody could be asked.
    Unreachable(String),
}

/// Runs every check.
///
/// # Errors
/// The reason when the enclave could not be reached: that says nothing about it.
pub async fn run(source: &Source, trust: &Trust, seen: RollbackState, now: UnixMillis) -> Result<Report, String> {
    let report = Report::new(source.name(), now);
    let mut run = Run { source, trust, seen, now, report, pages: Vec::new() };
    if let Err(Stop::Unreachable(reason)) = run.all().await {
        return Err(reason);
    }
    run.alike();
    Ok(run.report)
}

impl Run<'_> {
    async fn all(&mut self) -> Result<(), Stop> {
        let page = self.get(PAGE_PATH, EVIDENCE_MOST, &fetch_profile::PAGE).await?;
        let file = self.headers_file().await?;
        match self.trust {
            Trust::Policy(policy) => self.released(policy, &page, &file).await,
            Trust::Pin(digest) => self.pinned(*digest, &page, &file).await,
        }
    }

    async fn headers_file(&mut self) -> Result<Got, Stop> {
        let copy = self.get(HEADERS_COPY_PATH, EVIDENCE_MOST, &fetch_profile::EVIDENCE).await?;
        if !self.source.is_site() {
            let own = self.get(HEADERS_PATH, EVIDENCE_MOST, &fetch_profile::EVIDENCE).await?;
            if own.bytes != copy.bytes {
                let message = format!("{HEADERS_PATH} and {HEADERS_COPY_PATH} differ");
                self.report.add(Check::failed("headers", "headers_file", message));
            }
        }
        Ok(copy)
    }

    async fn released(&mut self, policy: &ReleasePolicy, page: &Got, file: &Got) -> Result<(), Stop> {
        let manifest = self.get(MANIFEST_PATH, EVIDENCE_MOST, &fetch_profile::EVIDENCE).await?;
        let bundle = self.get(BUNDLE_PATH, EVIDENCE_MOST, &fetch_profile::EVIDENCE).await?;
        let proof = self.get(PROOF_PATH, EVIDENCE_MOST, &fetch_profile::EVIDENCE).await?;
        let evidence = ReleaseEvidence { manifest: &manifest.bytes, bundle: &bundle.bytes, proof: &proof.bytes };
        self.report.facts.manifest = Some(hex(&Digest::sha256(&manifest.bytes)));
        let trusted = match policy.manifest(evidence, self.seen, self.now) {
            Ok(trusted) => trusted,
            Err(error) => {
                self.manifest_refused(&error);
                return Err(Stop::Told);
            }
        };
        self.manifest_held(&trusted);
        let wanted = self.served(&trusted, page);
        let module = self.get(&module_path(&wanted), MODULE_MOST, &fetch_profile::MODULE).await?;
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
        self.judge("page", verified.page(&page.bytes), "kms.html is the release's");
        match verified.headers(&file.bytes) {
            Ok(headers) => self.sent(&headers),
            Err(error) => self.refused(&error),
        }
        Ok(())
    }

    /// The release whose page is served; the current one when the page is nobody's, which another check says.
    fn served(&self, trusted: &TrustedManifest, page: &Got) -> Digest {
        let digest = Digest::sha256(&page.bytes);
        let served = trusted.manifest().releases().find(|(_, release)| release.page == digest);
        served.map_or(trusted.manifest().current.sha256, |(_, release)| release.sha256)
    }

    /// Without a policy the manifest is what the server says; only the module is held to something from outside.
    async fn pinned(&mut self, pin: Digest, page: &Got, file: &Got) -> Result<(), Stop> {
        let module = self.get(&module_path(&pin), MODULE_MOST, &fetch_profile::MODULE).await?;
        let digest = Digest::sha256(&module.bytes);
        if digest == pin {
            self.report.add(Check::ok("module", "its bytes have the pinned digest"));
        } else {
            let message = format!("the module {} is not the pinned one", hex(&digest));
            self.report.add(Check::failed("module", "unknown_module", message));
        }
        let manifest = self.get(MANIFEST_PATH, EVIDENCE_MOST, &fetch_profile::EVIDENCE).await?;
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
        let said = same(&page.bytes, &release.page, ReleaseError::Page { version });
        self.judge("page", said, "kms.html is the one that the unsigned manifest names");
        let said = same(&file.bytes, &release.headers, ReleaseError::HeadersFile { version });
        match said.and_then(|()| HeadersFile::parse(&file.bytes)) {
            Ok(headers) => self.sent(&headers),
            Err(error) => self.refused(&error),
        }
        for layer in MANIFEST_LAYERS {
            self.report.add(Check::skipped(layer.name(), "not looked at with --pin"));
        }
        Ok(())
    }

    /// Whether every answer came with the headers that the file names.
    fn sent(&mut self, headers: &HeadersFile) {
        if !self.source.is_site() {
            self.report.add(Check::skipped("headers", "the file is the release's; a folder sends none"));
            return;
        }
        let answers = self.pages.iter().flat_map(|(path, answers)| answers.iter().map(move |answer| (path, answer)));
        for (path, (_, got)) in answers {
            let sent = got.sent.iter().map(|(name, value)| (&**name, &**value));
            if let Err(error) = headers.check(&format!("/{path}"), sent) {
                self.report.add(Check::refused(&error));
                return;
            }
        }
        self.report.add(Check::ok("headers", "every file came with the release's headers"));
    }

    /// Whether everybody who asked got the same.
    fn alike(&mut self) {
        if !self.source.is_site() || self.report.checks.iter().any(|check| check.name == "equivocation") {
            return;
        }
        for (path, answers) in &self.pages {
            let Some(((first, wanted), others)) = answers.split_first() else { continue };
            if let Some((other, _)) = others.iter().find(|(_, got)| got.bytes != wanted.bytes) {
                let message = format!("/{path} is another for {} than for {}", other.name, first.name);
                self.report.add(Check::failed("equivocation", "equivocation", message));
                return;
            }
        }
        let asked: usize = self.pages.iter().map(|(_, answers)| answers.len()).sum();
        self.report.add(Check::ok("equivocation", format!("all {asked} answers agree, whoever asked")));
    }

    /// A file in every guise; the first is what counts.
    async fn get(&mut self, path: &str, most: u64, guises: &[FetchProfile]) -> Result<Got, Stop> {
        let guises = if self.source.is_site() { guises } else { guises.get(..1).unwrap_or_default() };
        let (mut answers, mut refusals) = (Vec::new(), Vec::new());
        for profile in guises {
            match self.source.read(path, most, *profile).await {
                Ok(got) => answers.push((*profile, got)),
                Err(Missing::Told { code, message }) => refusals.push((*profile, code, message)),
                Err(Missing::Unreachable(reason)) => return Err(Stop::Unreachable(reason)),
            }
        }
        if let Some((profile, code, message)) = refusals.first() {
            let some = answers.first().map(|(other, _)| other.name);
            self.report.add(match some {
                None => Check::failed("files", code, message.clone()),
                Some(other) => {
                    let message = format!("/{path} is there for {other} and not for {}: {message}", profile.name);
                    Check::failed("equivocation", "equivocation", message)
                }
            });
            return Err(Stop::Told);
        }
        let first = answers.first().map(|(_, got)| got.clone()).ok_or(Stop::Told)?;
        self.pages.push((path.to_owned(), answers));
        Ok(first)
    }

    fn module_named(&mut self, wanted: &Digest, release: &Release) {
        let message = format!("/{} is release {}", module_path(&release.sha256), release.version);
        self.report.add(if release.sha256 == *wanted {
            Check::ok("module", message)
        } else {
            Check::failed("module", "unknown_module", format!("another module lies at /{}", module_path(wanted)))
        });
    }

    fn manifest_held(&mut self, trusted: &TrustedManifest) {
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
                format!("in force until {}", crate::time_format::utc(UnixMillis(expires.saturating_mul(1000)))),
            ),
            (Layer::Rollback, self.rollback()),
        ] {
            self.report.add(Check::ok(layer.name(), message));
        }
    }

    fn rollback(&self) -> String {
        if self.seen == RollbackState::default() {
            "nothing was seen before".into()
        } else {
            format!("not older than release {}, which was seen before", self.seen.version)
        }
    }

    /// The layers before the one that failed held; those after it were not reached.
    fn manifest_refused(&mut self, error: &ReleaseError) {
        let failed = MANIFEST_LAYERS.iter().position(|layer| *layer == error.layer());
        for (place, layer) in MANIFEST_LAYERS.iter().enumerate() {
            // Log and witnesses are looked at together: neither is said to hold without the other.
            let together =
                matches!(error.layer(), Layer::Log | Layer::Witness) && matches!(layer, Layer::Log | Layer::Witness);
            self.report.add(if Some(place) == failed {
                Check::refused(error)
            } else if failed.is_some_and(|failed| place < failed) && !together {
                Check::ok(layer.name(), "held")
            } else {
                Check::skipped(layer.name(), "not reached")
            });
        }
        if failed.is_none() {
            self.refused(error);
        }
    }

    fn judge(&mut self, name: &'static str, said: Result<(), ReleaseError>, message: &str) {
        match said {
            Ok(()) => self.report.add(Check::ok(name, message)),
            Err(error) => self.refused(&error),
        }
    }

    fn refused(&mut self, error: &ReleaseError) {
        self.report.add(Check::refused(error));
    }
}

impl Facts {
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
