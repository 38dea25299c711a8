//! The browser enclave: its build, a server that acts exactly like a static host, the comparison of two builds, and its
//! tests in real browsers.

mod browsers;
mod build;
mod core;
mod demo;
mod digest;
mod headers;
mod hosts;
mod log;
mod maker;
mod manifest;
mod page;
mod publish;
mod rehearse;
mod reproduce;
mod serve;
mod verify;

use crate::failure::Failure;

const HELP: &str = "usage: cargo xtask enclave COMMAND

  build [--out DIR] [--host ORIGIN]… [--local]   [--release N] [--commit HEX] [--expires SECONDS]  write the folder that a static host serves
  serve [--port PORT] [--site NAME=DIR]…         build for and serve http://{app,kms}.briefcase.localhost:PORT, or these folders
  demo [--port PORT] [--json]                    a host page with its enclave, relays and a push service, to try it (demo --help)
  verify URL|DIR --host ORIGIN… [--policy FILE]  build from these sources and hold an enclave to what they make
  publish DIR --log DIR --log-key FILE --log-policy FILE [--previous DIR]   sign (cosign), log and witness a built folder
  rehearse                                       two whole releases on this machine, verified as their users would
  reproduce                                      build from two copies in different folders and compare every byte
  test [--engine chromium|firefox|webkit]        run the cases in real browsers
  bench [--engine chromium|firefox|webkit]       measure in real browsers: a table and a line of JSON";

/// `cargo xtask enclave …`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let (name, rest) = args.split_first().map_or(("", args), |(name, rest)| (name.as_str(), rest));
    match name {
        "build" => build::run(rest),
        "serve" => serve::run(rest),
        "demo" => demo::run(rest),
        "verify" => verify::run(rest),
        "publish" => publish::run(rest),
        "rehearse" => rehearse::run(rest),
        "reproduce" => reproduce::run(rest),
        "test" => browsers::run("browsers", rest),
        "bench" => browsers::run("bench", rest),
        _ => Err(Failure::new(HELP)),
    }
}
