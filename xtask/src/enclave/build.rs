//! The folder for a static host. It does not depend on time, path, user or machine.

use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::hosts::Hosts;
use super::manifest::Release;
use super::{core, headers, page};
use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

/// The maximum compressed size of the module with its WebAssembly.
const MOST: usize = 150_000;

/// The output of a build.
#[derive(Debug)]
pub struct Built {
    /// The folder.
    pub out: PathBuf,
    /// The module's digest.
    pub digest: Digest,
    /// The module's size, plain and compressed.
    pub bytes: usize,
    /// See `bytes`.
    pub compressed: usize,
}

/// `cargo xtask enclave build`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let hosts = Hosts::read(args)?;
    let out = workspace::option(args, "--out").map_or_else(|| workspace::target().join("enclave/site"), PathBuf::from);
    let built =
        build(workspace::root(), &workspace::target().join("enclave/cargo"), &out, &hosts, &Release::read(args)?)?;
    println!("enclave: {}", built.out.display());
    println!("  kms-{}.mjs  {} bytes, {} compressed", built.digest.hex(), built.bytes, built.compressed);
    println!("  {}", built.digest.integrity());
    Ok(())
}

/// Builds the sources in `root` for these hosts into `out`, which is replaced.
pub fn build(root: &Path, target: &Path, out: &Path, hosts: &Hosts, release: &Release) -> Result<Built, Failure> {
    let web = root.join("web");
    node::install(&web)?;
    std::fs::create_dir_all(target)?;
    let deflated = target.join("core.deflate");
    std::fs::write(&deflated, core::deflated(root, target)?)?;
    let module = bundled(&web, &deflated, target, hosts)?;
    let style = style(&std::fs::read_to_string(web.join("enclave/page/style.css"))?);
    let digest = Digest::of(&module);
    let compressed = miniz_oxide::deflate::compress_to_vec(&module, 9).len();
    if compressed > MOST {
        return Err(Failure::new(format!("the module is {compressed} bytes compressed; it may be {MOST}")));
    }
    if out.exists() {
        std::fs::remove_dir_all(out)?;
    }
    let put = |path: &str, bytes: &[u8]| -> Result<(), Failure> {
        let path = out.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(out))?;
        Ok(std::fs::write(path, bytes)?)
    };
    put(&format!("artifacts/kms-{}.mjs", digest.hex()), &module)?;
    let html = page::html(&digest, &style);
    let headers = headers::text(&page::policy(&digest, &style, hosts));
    let release = release.manifest(&digest, &Digest::of(html.as_bytes()), &Digest::of(headers.as_bytes()));
    put("kms.html", html.as_bytes())?;
    put("_headers", headers.as_bytes())?;
    put(".well-known/kms-headers.txt", headers.as_bytes())?;
    put(".well-known/kms-manifest.json", release.as_bytes())?;
    Ok(Built { out: out.to_owned(), digest, bytes: module.len(), compressed })
}

fn bundled(web: &Path, core: &Path, target: &Path, hosts: &Hosts) -> Result<Vec<u8>, Failure> {
    let out = target.join("kms.mjs");
    Step::new(node::node()?)
        .args(["enclave/build.mjs", "--core"])
        .args([core, Path::new("--out"), &out])
        .args(["--hosts", &hosts.listed()])
        .dir(web)
        .run()?;
    Ok(std::fs::read(out)?)
}

/// Returns the style in the form of the page: one line, because its digest covers exactly these bytes.
fn style(source: &str) -> String {
    source.lines().map(str::trim).collect()
}
