//! `mcp-gateway`: the only program that an agent talks to.
//!
//! It carries messages between an agent (stdio or HTTP) and the daemon. It checks everything that needs no knowledge of
//! tools: sizes, encoding, Host, Origin, headers, the credential's format. It does not link vault, policy or engine.
//! Code that it does not link cannot leak, and it decides nothing.

mod check;
mod daemon;
mod handshake;
mod http;
mod options;
mod stdio;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use options::{GatewayOptions, Mode};

fn main() -> ExitCode {
    let options = GatewayOptions::parse();
    log_to_stderr(&options);
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &GatewayOptions) -> Result<(), Box<dyn std::error::Error>> {
    let settings = options.settings(|name| std::env::var_os(name), &briefcase_ipc::user::current())?;
    // One thread is faster here than several: a call takes a few microseconds, less than waking another core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if options.check {
        return runtime.block_on(check::run(&settings));
    }
    let result = match settings.mode {
        Mode::Stdio => runtime.block_on(stdio::run(settings)).map_err(Into::into),
        Mode::Http(address) => {
            if let Err(error) = briefcase_platform::descriptors::raise() {
                tracing::warn!("the limit for open descriptors could not be raised: {error}");
            }
            runtime.block_on(http::run(settings, address)).map_err(Into::into)
        }
    };
    // A read of a terminal or a file cannot be interrupted, so exit without waiting for it.
    runtime.shutdown_background();
    result
}

/// Standard output carries only the protocol.
fn log_to_stderr(options: &GatewayOptions) {
    let level = if options.verbose { tracing::Level::DEBUG } else { tracing::Level::INFO };
    let (writer, colour) = (std::io::stderr, std::io::stderr().is_terminal());
    tracing_subscriber::fmt().with_writer(writer).with_ansi(colour).with_max_level(level).with_target(false).init();
}
