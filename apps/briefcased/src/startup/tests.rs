//! What an attacker gains who replaces files while the daemon is stopped.

use std::path::{Path, PathBuf};

use briefcase_api::Unlock;
use briefcase_ipc::Paths;
use briefcase_launcher::JailLauncher;
use briefcase_policy::{
    authority::{Budget, BudgetScope, Limit, Window},
    label::{Label, Labels},
    ledger::BudgetIndex,
};
use briefcase_ports::{FactorEvidence, FactorRefusal};
use briefcase_receipts::Notice;
use briefcase_types::{Digest, Entropy, Incarnation, SecretString};
use briefcase_upstream::ChildEnvironment;
use briefcase_vault::UnlockKey;

use super::*;
use crate::{
    environment::ChildProcesses,
    init, offline,
    process::clock::{OsEntropy, SystemClock},
};

pub(crate) const PIN: &str = "271828";

pub(crate) struct Home {
    _folder: tempfile::TempDir,
    pub(crate) paths: Paths,
    pub(crate) key: String,
    token: String,
}

pub(crate) fn home() -> Home {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let paths = Paths { state: at("state"), runtime: at("run"), config: at("config") };
    let input = serde_json::from_str(&format!(r#"{{"pin":"{PIN}","unlock_key":true}}"#)).unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let made = tokio::task::block_in_place(|| init::make(&paths, &SystemClock::default(), &entropy, input)).unwrap();
    let key = made["unlock_key"].as_str().unwrap().to_owned();
    let token = std::fs::read_to_string(made["agent_token_file"].as_str().unwrap()).unwrap();
    Home { _folder: folder, paths, key, token }
}

impl Home {
    fn open_with(&self, credential: Credential<'_>) -> Result<UnlockedState, OpenError> {
        let environment = Environment {
            paths: self.paths.clone(),
            clock: Arc::default(),
            entropy: Arc::new(OsEntropy),
            console_port: 4483,
            children: ChildProcesses {
                launcher: Arc::new(JailLauncher::new(PathBuf::from("/nonexistent")).unwrap()),
                environment: ChildEnvironment { path: String::new(), home: PathBuf::from("/"), lang: String::new() },
            },
        };
        open(&environment, credential)
    }

    pub(crate) fn open(&self) -> Result<UnlockedState, OpenError> {
        let key = UnlockKey::parse(&SecretString::new(self.key.clone())).unwrap();
        self.open_with(Credential::UnlockKey(&key))
    }

    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = std::fs::read_dir(&self.paths.state).unwrap().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }
}

pub(crate) async fn close(open: UnlockedState) {
    open.server_messages.detach();
    open.store.close().unwrap();
}

async fn check_pin(open: &UnlockedState, pin: &str) -> Result<(), FactorRefusal> {
    let evidence = FactorEvidence::Pin(SecretString::new(pin.to_owned()));
    open.engine.check(evidence, Digest::sha256(b"a decision")).await.map(drop)
}

fn write_back(files: &[(PathBuf, Vec<u8>)], which: impl Fn(&Path) -> bool) {
    for (path, bytes) in files.iter().filter(|(path, _)| which(path)) {
        std::fs::write(path, bytes).unwrap();
    }
}

/// Attack 56: the PIN counter is set back to allow more attempts.
#[tokio::test(flavor = "multi_thread")]
async fn no_file_that_is_removed_or_put_back_gives_fresh_tries_at_the_pin() {
    let home = home();
    let before = home.files();
    let open = home.open().unwrap();
    check_pin(&open, PIN).await.unwrap();
    for left in (0..5).rev() {
        match check_pin(&open, "314159").await.unwrap_err() {
            FactorRefusal::WrongPin { left: reported } => assert_eq!(reported, left),
            other => assert!(matches!(other, FactorRefusal::LockedOut { .. }) && left == 0, "{other}"),
        }
    }
    // As after a kill, no snapshot is stored.
    close(open).await;
    let of_record = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("briefcase.db") || name == "head"
    };
    // All files beside the record are from before the attempts, and no others exist.
    for (path, _) in home.files().iter().filter(|(path, _)| !of_record(path)) {
        std::fs::remove_file(path).unwrap();
    }
    let restore = |which: &dyn Fn(&Path) -> bool| {
        write_back(&before, which);
        for (path, _) in &before {
            rustix::fs::chmod(path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        }
    };
    restore(&|path| !of_record(path));
    let open = home.open().unwrap();
    assert!(matches!(check_pin(&open, PIN).await, Err(FactorRefusal::LockedOut { .. })), "locked out after a restart");
    open.factors.snapshot().await;
    close(open).await;
    let open = home.open().unwrap();
    assert!(matches!(check_pin(&open, PIN).await, Err(FactorRefusal::LockedOut { .. })), "and from a snapshot");
    close(open).await;
    // The old database, under the present head.
    restore(&|path| of_record(path) && !path.ends_with("head"));
    assert!(matches!(home.open(), Err(OpenError::Store(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_pin_forgets_the_wrong_ones_also_over_a_restart() {
    let home = home();
    let open = home.open().unwrap();
    for _ in 0..4 {
        check_pin(&open, "314159").await.unwrap_err();
    }
    check_pin(&open, PIN).await.unwrap();
    close(open).await;
    let open = home.open().unwrap();
    assert!(matches!(check_pin(&open, "314159").await, Err(FactorRefusal::WrongPin { left: 4 })));
    close(open).await;
}

/// A crash anywhere in a change of the passphrase leaves the passphrase that the record names.
#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_is_in_force_exactly_when_its_change_is_on_record() {
    let home = home();
    let passphrase = SecretString::new("correct horse battery staple".to_owned());
    let new = || Credential::Passphrase(&passphrase);
    let vault = home.paths.state.join(VAULT_FILE);
    let opened = home.open().unwrap();
    // Killed before the record.
    drop(opened.briefcase.vault.stage_passphrase(&passphrase).unwrap());
    close(opened).await;
    assert!(matches!(home.open_with(new()), Err(OpenError::Vault(VaultError::DoesNotOpen))));
    let opened = home.open().unwrap();
    // Killed after the record, before the new file is in its place.
    let staged = opened.briefcase.vault.stage_passphrase(&passphrase).unwrap();
    let line = staged.recorded_line();
    drop(staged);
    let prepared = opened.engine.prepare(b"passphrase", |document| document.noted(vec![line]), Vec::new()).unwrap();
    let evidence = FactorEvidence::Pin(SecretString::new(PIN.to_owned()));
    opened.engine.apply(prepared, evidence).await.unwrap();
    close(opened).await;
    close(home.open_with(new()).unwrap()).await;
    assert!(briefcase_vault::StagedVault::find(&vault).unwrap().is_none(), "the staged file replaced the vault");
    close(home.open_with(new()).unwrap()).await;
    close(home.open().unwrap()).await;
}

/// Attack 57: a backup put back brings neither a credential nor a budget back.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_state_trusts_no_credential_and_has_spent_every_budget() {
    let home = home();
    let open = home.open().unwrap();
    let limits = [
        (Window::Day, Limit::Calls(50), None),
        (Window::Month, Limit::Money("5 USD".parse().unwrap()), None),
        (Window::All, Limit::Calls(7), Some("default".parse().unwrap())),
    ];
    for (window, limit, agent) in limits {
        let budget = Budget { scope: BudgetScope { agent, ..BudgetScope::default() }, window, limit };
        let prepared = open.engine.prepare(b"budget", |document| document.set_budget(budget), Vec::new()).unwrap();
        let evidence = FactorEvidence::Pin(SecretString::new(PIN.to_owned()));
        open.engine.apply(prepared, evidence).await.unwrap();
    }
    let token = briefcase_engine::agent_token::digest(home.token.trim());
    assert!(open.engine.authority().document().agent_by_token(&token).is_some());
    close(open).await;
    let old = Identity::load(&home.paths.state).unwrap().unwrap();
    let fresh = Identity { incarnation: Incarnation::random(&OsEntropy), ..old.clone() };
    let key = Unlock::UnlockKey(SecretString::new(home.key.clone()));
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let clock = SystemClock::default();
    let begin = || offline::start_incarnation(&home.paths, &clock, &entropy, &key, &old, &fresh);
    let renew = tokio::task::block_in_place(begin).unwrap();
    assert_eq!(renew, ["default".parse().unwrap()]);
    let open = home.open().unwrap();
    let authority = open.engine.authority();
    assert!(authority.document().agent_by_token(&token).is_none(), "the credential is void");
    assert!(authority.document().agents.contains_key(&"default".parse().unwrap()), "its name is kept");
    let now = open.engine.now();
    let stands = open.engine.with_ledger(|ledger| ledger.usage(&BudgetIndex::new(authority.document()), now));
    assert_eq!(stands.len(), 3);
    for stand in stands {
        let limit = match stand.budget.limit {
            Limit::Calls(calls) => calls,
            Limit::Money(money) => money.micros,
        };
        assert!(stand.spent >= limit, "{stand:?}");
    }
    close(open).await;
}

fn taint() -> Labels {
    Labels::NONE.with(Label::PrivateData).with(Label::UntrustedContent)
}

/// Labels the agent like text of a server outside of a call, and waits until it is on record.
async fn show(open: &UnlockedState, labels: Labels) {
    let (agent, server) = ("default".parse().unwrap(), "mail".parse().unwrap());
    open.engine.show(&agent, &server, labels, bytes::Bytes::from_static(b"{}")).unwrap();
    let notice = Notice { what: Word::lossy("test"), agent: None, server: None, detail: None };
    let receipt = Receipt { at: open.engine.now(), kind: Kind::Notice(notice) };
    open.engine.record(Entry { receipt, opening: None }, Urgency::Now).await.unwrap();
}

/// Attack 66: no way down and up removes a label. A crash leaves the files as they are while the daemon runs.
#[tokio::test(flavor = "multi_thread")]
async fn labels_outlive_every_way_down_and_up() {
    let home = home();
    let agent = "default".parse().unwrap();
    let open = home.open().unwrap();
    assert_eq!(open.engine.labels_of(&agent), Labels::NONE, "a new agent has none");
    show(&open, Labels::NONE.with(Label::PrivateData)).await;
    close(open).await;
    let open = home.open().unwrap();
    assert_eq!(open.engine.labels_of(&agent), Labels::NONE.with(Label::PrivateData), "from receipts, after a lock");
    show(&open, taint()).await;
    open.factors.snapshot().await;
    show(&open, Labels::NONE).await;
    close(open).await;
    let open = home.open().unwrap();
    assert_eq!(open.engine.labels_of(&agent), taint(), "from a snapshot");
    let killed = home.files();
    close(open).await;
    write_back(&killed, |_| true);
    let open = home.open().unwrap();
    assert_eq!(open.engine.labels_of(&agent), taint(), "after a crash");
    let other = "other".parse().unwrap();
    assert_eq!(open.engine.labels_of(&other), Labels::NONE, "labels belong to one agent");
    close(open).await;
}

/// Attack 66: what an agent read after the backup is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_state_starts_tainted() {
    let home = home();
    close(home.open().unwrap()).await;
    let old = Identity::load(&home.paths.state).unwrap().unwrap();
    let fresh = Identity { incarnation: Incarnation::random(&OsEntropy), ..old.clone() };
    let key = Unlock::UnlockKey(SecretString::new(home.key.clone()));
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let begin = || offline::start_incarnation(&home.paths, &SystemClock::default(), &entropy, &key, &old, &fresh);
    tokio::task::block_in_place(begin).unwrap();
    for _ in 0..2 {
        let open = home.open().unwrap();
        assert!(open.engine.labels_of(&"default".parse().unwrap()).is_tainted());
        close(open).await;
    }
}
