//! A small server for this machine: one folder per host name, each with exactly the headers of its `_headers`. Supports
//! GET and HEAD, closes after each response, and listens on loopback only.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::headers;
use super::hosts::Hosts;
use super::manifest::Release;
use crate::failure::Failure;
use crate::workspace;

/// One host name and the folder behind it.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name in the Host header, without the port; `*` for any.
    pub name: String,
    /// The served folder.
    pub dir: PathBuf,
}

/// A listening server.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Listens on a port of loopback; 0 for any.
    pub fn bind(port: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| Failure::new(format!("port {port}: {error}; choose another with --port")))?;
        Ok(Self { listener })
    }

    /// The address.
    pub fn port(&self) -> Result<u16, Failure> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Serves until the process ends.
    pub fn serve(&self, sites: Vec<Site>) -> Result<(), Failure> {
        let sites: Arc<[Site]> = sites.into();
        for stream in self.listener.incoming() {
            let (stream, sites) = (stream?, Arc::clone(&sites));
            std::thread::spawn(move || {
                // A client that disconnects does not affect the others.
                let _ = answer(stream, &sites);
            });
        }
        Ok(())
    }
}

/// `cargo xtask enclave serve`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let port = workspace::option(args, "--port").unwrap_or("8402");
    let port = port.parse().map_err(|_| Failure::new(format!("{port} is not a port")))?;
    let server = Server::bind(port)?;
    let port = server.port()?;
    let sites = sites(args)?;
    if !sites.is_empty() {
        return server.serve(sites);
    }
    let app = format!("http://app.briefcase.localhost:{port}");
    let out = workspace::target().join("enclave/local");
    let hosts = Hosts::new(vec![app.clone()], true)?;
    let built = super::build::build(
        workspace::root(),
        &workspace::target().join("enclave/cargo"),
        &out,
        &hosts,
        &Release::read(args)?,
    )?;
    println!("enclave: http://kms.briefcase.localhost:{port}/kms.html  {}", built.digest.hex());
    println!("host:    {app}/");
    server.serve(vec![
        Site { name: "kms.briefcase.localhost".to_owned(), dir: out },
        Site { name: "app.briefcase.localhost".to_owned(), dir: workspace::root().join("web/enclave/test/pages") },
    ])
}

/// The folders from `--site NAME=DIR` arguments.
fn sites(args: &[String]) -> Result<Vec<Site>, Failure> {
    let given = args.iter().zip(args.iter().skip(1)).filter(|(name, _)| *name == "--site").map(|(_, site)| site);
    given
        .map(|site| {
            let (name, dir) = site.split_once('=').ok_or_else(|| Failure::new(format!("{site} is not NAME=DIR")))?;
            Ok(Site { name: name.to_owned(), dir: PathBuf::from(dir) })
        })
        .collect()
}

struct Asked {
    path: String,
    host: String,
    head: bool,
}

fn read(stream: &TcpStream) -> Result<Asked, Failure> {
    const LINES: usize = 100;
    let mut lines = BufReader::new(stream.try_clone()?).lines().take(LINES);
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut host = String::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host")) {
            let _ = name;
            host = value.trim().split(':').next().unwrap_or_default().to_owned();
        }
    }
    if !["GET", "HEAD"].contains(&method) {
        return Err(Failure::new("only GET and HEAD"));
    }
    let path = target.split(['?', '#']).next().unwrap_or_default();
    Ok(Asked {
        path: if path == "/" { "/index.html".to_owned() } else { path.to_owned() },
        host,
        head: method == "HEAD",
    })
}

fn answer(mut stream: TcpStream, sites: &[Site]) -> Result<(), Failure> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let asked = read(&stream)?;
    let site = sites.iter().find(|site| site.name == asked.host || site.name == "*");
    let file = site.and_then(|site| file(&site.dir, &asked.path).map(|file| (site, file)));
    let Some((site, bytes)) = file.and_then(|(site, path)| Some((site, std::fs::read(path).ok()?))) else {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return Ok(());
    };
    let rules = std::fs::read_to_string(site.dir.join("_headers")).unwrap_or_default();
    let mut head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n", bytes.len());
    for (name, value) in headers::of(&rules, &asked.path) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if !asked.head {
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// Returns the file of a path, if it is inside the folder.
fn file(dir: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.strip_prefix('/')?);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| dir.join(relative)).filter(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_folder() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(file(dir, "/Cargo.toml").is_some());
        for path in
            ["/../Cargo.toml", "/src/../../Cargo.toml", "//etc/passwd", "Cargo.toml", "/./Cargo.toml/", "/nothing"]
        {
            assert!(file(dir, path).is_none_or(|found| found.starts_with(dir) && !path.contains("..")), "{path}");
        }
    }
}
