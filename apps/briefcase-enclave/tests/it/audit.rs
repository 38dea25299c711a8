//! Audits of servers that lie, one layer at a time. They serve the second release of `vectors/release`. The policy names its
//! signer, its log and two of its witnesses.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use briefcase_testkit::TempHome;
use briefcase_types::Digest;
use serde_json::Value;

use crate::{briefcase, run};

const MANIFEST: &str = ".well-known/kms-manifest.json";
const BUNDLE: &str = ".well-known/kms-manifest.sigstore.json";
const PROOF: &str = ".well-known/kms-manifest.tlog-proof";
const FILE: &str = ".well-known/kms-headers.txt";

type Headers = Vec<(String, String)>;
/// Tampers with a response, given its path and request.
type Tampering = Box<dyn Fn(&str, &str, &mut Vec<u8>, &mut Headers) + Send>;

/// A site that serves the files of one `vectors/release` case, with the headers of its headers file.
#[derive(Clone, Default)]
struct Site {
    files: BTreeMap<String, Vec<u8>>,
    policy: String,
}

fn hex(bytes: &[u8]) -> String {
    Digest::sha256(bytes).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Site {
    fn of(case: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/release/cases.json");
        let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let case = vectors["cases"].as_array().unwrap().iter().find(|one| one["name"] == case).unwrap();
        let text = |kind: &str| vectors["texts"][case[kind].as_str().unwrap()].as_str().unwrap().to_owned();
        let module = text("module").into_bytes();
        let files = [
            ("kms.html".to_owned(), text("page")),
            (FILE.to_owned(), text("headers")),
            ("_headers".to_owned(), text("headers")),
            (MANIFEST.to_owned(), text("manifest")),
            (BUNDLE.to_owned(), text("bundle")),
            (PROOF.to_owned(), text("proof")),
        ];
        let mut files: BTreeMap<_, _> = files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
        files.insert(format!("artifacts/kms-{}.mjs", hex(&module)), module);
        Self { files, policy: text("policy") }
    }

    fn file(&mut self, path: &str) -> &mut Vec<u8> {
        self.files.get_mut(path).unwrap()
    }

    fn module(&self) -> String {
        self.files.keys().find(|path| path.starts_with("artifacts/")).unwrap().clone()
    }

    /// Writes it into a folder.
    fn write(&self, folder: &std::path::Path) {
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

/// A server whose site and lie can be changed while it runs.
struct Server {
    url: String,
    now: Arc<Mutex<(Site, Option<Tampering>)>>,
}

impl Server {
    fn new(site: Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let now: Arc<Mutex<(Site, Option<Tampering>)>> = Arc::new(Mutex::new((site, None)));
        let shared = Arc::clone(&now);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &shared.lock().unwrap()));
            }
        });
        Self { url, now }
    }

    fn lie(&self, lie: impl Fn(&str, &str, &mut Vec<u8>, &mut Headers) + Send + 'static) {
        self.now.lock().unwrap().1 = Some(Box::new(lie));
    }

    fn serve(&self, site: Site) {
        *self.now.lock().unwrap() = (site, None);
    }
}

fn answer(mut stream: TcpStream, now: &(Site, Option<Tampering>)) -> Option<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).ok()?.to_lowercase();
    let path = request.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let Some(bytes) = now.0.files.get(&path) else {
        return stream.write_all(b"HTTP/1.1 404 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").ok();
    };
    let (mut bytes, mut headers) = (bytes.clone(), vec![("X-Content-Type-Options".to_owned(), "nosniff".to_owned())]);
    if path == "kms.html" {
        headers.push(("Content-Security-Policy".into(), "default-src 'none'".into()));
    }
    if let Some(lie) = &now.1 {
        lie(&path, &request, &mut bytes, &mut headers);
    }
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n{lines}\r\n", bytes.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&bytes).ok()
}

struct World {
    home: TempHome,
    policy: String,
    server: Server,
}

impl World {
    fn new() -> Self {
        let (home, site) = (TempHome::new(), Site::of("second release"));
        let policy = home.file("policy.json");
        fs::write(&policy, &site.policy).unwrap();
        Self { home, policy: policy.display().to_string(), server: Server::new(site) }
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let ran = run(&self.home, &[&["--json", "enclave"], args].concat());
        let text = if ran.out().is_empty() { ran.err() } else { ran.out() };
        (ran.code(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
    }

    fn verify(&self) -> (i32, Value) {
        self.json(&["verify", &self.server.url, "--policy", &self.policy])
    }

    fn watch(&self) -> (i32, Value) {
        self.json(&["watch", &self.server.url, "--policy", &self.policy, "--once"])
    }

    /// Name and code of the first failed check, after this change to what is served.
    fn caught(&self, change: impl FnOnce(&mut Site)) -> (String, String) {
        let mut site = Site::of("second release");
        change(&mut site);
        self.server.serve(site);
        self.failure()
    }

    fn failure(&self) -> (String, String) {
        let (code, told) = self.verify();
        assert_eq!((code, &told["verified"]), (1, &Value::Bool(false)), "{told:#}");
        assert!(told["next_step"].is_string());
        let failed = told["checks"].as_array().unwrap().iter().find(|check| check["outcome"] == "failed").unwrap();
        (failed["name"].as_str().unwrap().into(), failed["code"].as_str().unwrap().into())
    }
}

fn named(name: &str, code: &str) -> (String, String) {
    (name.into(), code.into())
}

#[test]
fn a_release_is_verified_check_by_check() {
    let world = World::new();
    let (code, told) = world.verify();
    assert_eq!((code, &told["verified"]), (0, &Value::Bool(true)), "{told:#}");
    let held: Vec<&str> = told["checks"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let all =
        ["signature", "log", "witness", "manifest", "expiry", "rollback", "module", "page", "headers", "equivocation"];
    assert_eq!(held, all);
    assert_eq!(told["release"]["version"], 2);
    let page = run(&world.home, &["enclave", "verify", &world.server.url, "--policy", &world.policy]).out();
    assert!(page.contains("is verified") && page.contains("✓ witness") && page.contains("whoever asked"), "{page}");
}

#[test]
fn tampering_with_any_layer_is_named() {
    let world = World::new();
    let module = Site::of("second release").module();
    let third = || Site::of("third release after the second");
    assert_eq!(world.caught(|site| site.file(&module)[3] ^= 1), named("module", "unknown_module"));
    assert_eq!(world.caught(|site| site.file("kms.html").push(b' ')), named("page", "page"));
    assert_eq!(world.caught(|site| site.file(FILE).push(b'\n')), named("headers", "headers_file"));
    assert_eq!(world.caught(|site| site.file(MANIFEST)[20] ^= 1), named("signature", "artifact"));
    assert_eq!(world.caught(|site| *site.file(BUNDLE) = third().file(BUNDLE).clone()), named("signature", "artifact"));
    assert_eq!(world.caught(|site| *site.file(PROOF) = third().file(PROOF).clone()), named("log", "not_in_log"));
    let few = || Site::of("one witness of two").file(PROOF).clone();
    assert_eq!(world.caught(|site| *site.file(PROOF) = few()), named("witness", "witness_quorum"));
    assert_eq!(world.caught(|site| drop(site.files.remove(PROOF))), named("files", "missing"));
    assert_eq!(world.caught(|site| *site = Site::of("ended")), named("expiry", "expired"));
    assert_eq!(
        world.caught(|site| *site = Site::of("signed and logged nonsense")),
        named("manifest", "manifest_malformed")
    );
}

#[test]
fn headers_are_checked_against_the_file_for_every_client() {
    let world = World::new();
    world.server.lie(|path, _, _, headers| {
        if path == "kms.html" {
            headers.retain(|(name, _)| name != "Content-Security-Policy");
        }
    });
    assert_eq!(world.failure(), named("headers", "header"));
    world.server.lie(|path, _, _, headers| {
        if path == "kms.html" {
            headers.push(("Set-Cookie".into(), "a=b".into()));
        }
    });
    assert_eq!(world.failure(), named("headers", "header"));
    // Only frames get the weaker policy; the plain request sees the right one.
    world.server.lie(|path, request, _, headers| {
        if path == "kms.html" && request.contains("sec-fetch-dest: iframe") && request.contains("firefox") {
            headers[1].1 = "default-src *".into();
        }
    });
    assert_eq!(world.failure(), named("headers", "header"));
}

#[test]
fn a_server_that_serves_auditors_other_files_is_detected() {
    let world = World::new();
    let evil = |bytes: &mut Vec<u8>| *bytes = b"export const v = 'evil';".to_vec();
    world.server.lie(move |path, request, bytes, _| {
        if path.starts_with("artifacts/") && request.contains("sec-fetch-dest: empty") {
            evil(bytes);
        }
    });
    assert_eq!(world.failure(), named("equivocation", "equivocation"));
    // The other way round, browsers get the evil one, and the module's own check names it too.
    world.server.lie(move |path, request, bytes, _| {
        if path.starts_with("artifacts/") && request.contains("sec-fetch-dest: script") {
            evil(bytes);
        }
    });
    let (_, told) = world.verify();
    let failed: Vec<&Value> =
        told["checks"].as_array().unwrap().iter().filter(|one| one["outcome"] == "failed").collect();
    assert_eq!(failed.iter().map(|one| &one["name"]).collect::<Vec<_>>(), ["module", "equivocation"]);
    // Phones alone.
    world.server.lie(|path, request, bytes, _| {
        if path == "kms.html" && request.contains("iphone") {
            bytes.extend(b"<script src=//evil.example></script>");
        }
    });
    assert_eq!(world.failure(), named("equivocation", "equivocation"));
}

#[test]
fn a_rollback_to_an_older_release_is_detected() {
    let world = World::new();
    let (code, told) = world.watch();
    assert_eq!((code, &told["changes"]), (0, &serde_json::json!(["first look"])), "{told:#}");
    assert_eq!(world.watch().1["changes"], serde_json::json!([]));
    world.server.serve(Site::of("third release after the second"));
    let (code, told) = world.watch();
    assert_eq!(code, 0);
    assert!(told["changes"].to_string().contains("release 2 became 3"), "{told:#}");
    // The older release, with its own good manifest, and the older one that the newer manifest had still allowed.
    world.server.serve(Site::of("second release"));
    let (code, told) = world.watch();
    assert_eq!(code, 1);
    assert!(told["changes"].to_string().contains("rollback fails now (older_manifest)"), "{told:#}");
    let mut older = Site::of("third release after the second");
    for (path, bytes) in Site::of("second release").files {
        if !path.starts_with(".well-known/kms-manifest") {
            older.files.insert(path, bytes);
        }
    }
    world.server.serve(older);
    let (code, told) = world.watch();
    assert_eq!(code, 1);
    assert!(told["changes"].to_string().contains("(older_module)"), "{told:#}");
    assert_eq!(world.verify().0, 0, "who has seen nothing cannot know");
    world.server.serve(Site::of("third release after the second"));
    assert!(world.watch().1["changes"].to_string().contains("rollback passes again"));
}

#[test]
fn watching_continues_until_it_is_interrupted() {
    let world = World::new();
    let args = ["--json", "enclave", "watch", &world.server.url, "--policy", &world.policy, "--interval", "1s"];
    let mut child = briefcase(&world.home, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["changes"], serde_json::json!(["first look"]));
    world.server.serve(Site::of("third release after the second"));
    let changed = std::iter::repeat_with(&mut next).take(20).find(|look| look["changes"] != serde_json::json!([]));
    assert!(changed.unwrap()["changes"].to_string().contains("release 2 became 3"));
    world.server.lie(|path, _, bytes, _| bytes.extend(if path == "kms.html" { &b" "[..] } else { b"" }));
    let failed = std::iter::repeat_with(&mut next).take(20).find(|look| look["verified"] == false).unwrap();
    assert!(failed["changes"].to_string().contains("page fails now (page)"), "{failed}");
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_log_with_two_histories_is_detected() {
    let world = World::new();
    let folder = world.home.file("watched");
    let state = folder.join("kms.json").display().to_string();
    let watch = || world.json(&["watch", &world.server.url, "--policy", &world.policy, "--once", "--state", &state]);
    assert_eq!(watch().0, 0);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "it may be the state folder");
    let kept = fs::read_to_string(&state).unwrap();
    let root = serde_json::from_str::<Value>(&kept).unwrap()["facts"]["log_root"].as_str().unwrap().to_owned();
    fs::write(&state, kept.replace(&root, &"0".repeat(64))).unwrap();
    let (code, told) = watch();
    assert_eq!(code, 1);
    assert!(told["checks"].to_string().contains("log_fork"), "{told:#}");
    for bad in ["", "{}", &kept.replace("127.0.0.1", "127.0.0.2")] {
        fs::write(&state, bad).unwrap();
        let (code, told) = watch();
        assert_eq!((code, &told["code"]), (2, &Value::from("file")), "{told}");
    }
    let known = |file: &str| world.json(&["verify", &world.server.url, "--policy", &world.policy, "--known", file]).0;
    fs::write(&state, kept.replace("\"version\": 2,\n  \"floor\"", "\"version\": 3,\n  \"floor\"")).unwrap();
    assert_eq!((known(&state), known("nothing-there")), (1, 2));
}

#[test]
fn a_folder_is_verified_before_it_is_published() {
    let world = World::new();
    let folder = world.home.file("site");
    Site::of("second release").write(&folder);
    let path = folder.display().to_string();
    let (code, told) = world.json(&["verify", &path, "--policy", &world.policy]);
    assert_eq!(code, 0, "{told:#}");
    let headers = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == "headers").unwrap();
    assert_eq!(headers["outcome"], "not_checked", "a folder sends no headers");
    fs::write(folder.join("_headers"), "/*\n  X: y\n").unwrap();
    assert_eq!(world.json(&["verify", &path, "--policy", &world.policy]).0, 1);
}

#[test]
fn a_pin_needs_no_policy_and_names_the_skipped_checks() {
    let world = World::new();
    let pin = hex(b"export const v = 2;");
    let (code, told) = world.json(&["verify", &world.server.url, "--pin", &pin]);
    assert_eq!(code, 0, "{told:#}");
    let skipped = told["checks"].as_array().unwrap().iter().filter(|one| one["outcome"] == "not_checked").count();
    assert_eq!(skipped, 6);
    let other = world.json(&["verify", &world.server.url, "--pin", &"0".repeat(64)]);
    assert_eq!(other.0, 1, "that module is not served");
    let module = Site::of("second release").module();
    world.server.lie(move |path, _, bytes, _| {
        if path == module {
            bytes.push(b'\n');
        }
    });
    assert_eq!(world.json(&["verify", &world.server.url, "--pin", &pin]).0, 1);
}

#[test]
fn an_unreachable_enclave_is_not_reported_as_tampering() {
    let world = World::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, told) = world.json(&["verify", &format!("http://{nobody}"), "--policy", &world.policy]);
    assert_eq!((code, &told["code"]), (10, &Value::from("unavailable")), "{told}");
    for args in [
        &["verify", "http://kms.example.org", "--policy", &world.policy][..],
        &["verify", "https://kms.example.org/below/", "--policy", &world.policy],
        &["verify", "no-such-folder", "--policy", &world.policy],
        &["verify", &world.server.url],
        &["verify", &world.server.url, "--pin", "5f3c"],
        &["verify", &world.server.url, "--policy", "no-such-policy"],
    ] {
        assert_eq!(world.json(args).0, 2, "{args:?}");
    }
    let lax = world.home.file("lax.json");
    fs::write(&lax, Site::of("second release").policy.replace("quorum two", "quorum none")).unwrap();
    assert_eq!(world.json(&["verify", &world.server.url, "--policy", &lax.display().to_string()]).0, 2);
}
