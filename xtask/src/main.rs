//! `cargo xtask`: every check and task of the project as one command each, so contributors, CI and the README use the
//! same code.
//!
//! Invariant: a command that returns success has done its whole job. Nothing is skipped silently.
#![expect(clippy::print_stdout, reason = "a command line tool answers on stdout")]

mod bench;
mod ci;
mod clock;
mod codegen;
mod conformance;
mod demo;
mod deny;
mod docs;
mod durability;
mod enclave;
mod failure;
mod fuzz;
mod instructions;
mod layers;
mod mutants;
mod names;
mod node;
mod programs;
mod progress;
mod rust;
mod servers;
mod setup;
mod silent;
mod sizes;
mod step;
mod tools;
mod vectors;
mod web;
mod workspace;

use std::process::ExitCode;

use failure::Failure;

/// One command: its name, its description, and its function, which gets the arguments after the name.
struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        about: "fetch and install what building and testing needs; the rest works offline",
        run: setup::run,
    },
    Command { name: "demo", about: "build the programs and run the main job", run: demo::run },
    Command {
        name: "ci",
        about: "run every check [--list] [--from STEP] [--verbose] [--sequential] [--two-years-ahead]",
        run: ci::run,
    },
    Command { name: "fmt", about: "check the formatting of all Rust code", run: rust::fmt },
    Command { name: "clippy", about: "lint all Rust code, warnings denied", run: rust::clippy },
    Command {
        name: "layers",
        about: "check the layers of crates, circles of modules, and unsafe code",
        run: layers::run,
    },
    Command { name: "sizes", about: "check the size caps on files, functions and crates [--report]", run: sizes::run },
    Command { name: "names", about: "check that one word has one meaning", run: names::run },
    Command { name: "deny", about: "check licences, sources and duplicates of dependencies", run: deny::run },
    Command { name: "codegen", about: "write the generated files [--check]", run: codegen::run },
    Command { name: "vectors", about: "write the shared test vectors [--check]", run: vectors::run },
    Command { name: "web", about: "lint, type-check, build and test web/", run: web::run },
    Command { name: "enclave", about: "the browser enclave: build, serve, reproduce, test", run: enclave::run },
    Command { name: "docs", about: "check links and prose of documents and comments", run: docs::run },
    Command { name: "build", about: "build all programs and tests [--lint]", run: programs::build },
    Command { name: "test", about: "run the tests of all crates but the end-to-end ones", run: rust::test },
    Command { name: "e2e", about: "run the end-to-end and attack tests", run: rust::e2e },
    Command { name: "ahead", about: "run the tests of what reads dates, two years ahead [--all]", run: rust::ahead },
    Command { name: "conformance", about: "run the official MCP suite [--direct|--through]", run: conformance::run },
    Command {
        name: "durability",
        about: "kill and power-cut loops against the store [--seconds N]",
        run: durability::run,
    },
    Command { name: "fuzz", about: "fuzz every parser of untrusted bytes [--seconds N]", run: fuzz::run },
    Command { name: "mutants", about: "mutation tests on the rules crates", run: mutants::run },
    Command {
        name: "instructions",
        about: "count instructions per call and compare with the record [--profile NAME] [--no-build]",
        run: instructions::run,
    },
    Command {
        name: "servers",
        about: "compare third-party servers directly and through the briefcase [--only PACKAGE] [--no-build]",
        run: servers::run,
    },
    Command { name: "bench", about: "benchmarks: a table and JSON", run: bench::run },
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        help();
        return if name.is_empty() || name == "help" { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    match ready(name.as_str(), &rest).and_then(|()| (command.run)(&rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("{name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Checks the tools of the command, unless the parent command did.
fn ready(name: &str, rest: &[String]) -> Result<(), Failure> {
    if programs::is_built() {
        return Ok(());
    }
    let args: Vec<&str> = std::iter::once(name).chain(rest.iter().map(String::as_str)).collect();
    tools::require(&tools::of(&args))
}

fn help() {
    println!("usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!("  {:<12} {}", command.name, command.about);
    }
}
