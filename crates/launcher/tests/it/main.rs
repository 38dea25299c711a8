//! The real `briefcase-jail` and real children.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests state what they expect"
)]

mod child;
mod failures;
mod parent;
mod streams;

use std::{path::PathBuf, time::Duration};

use briefcase_launcher::{JAIL, JailLauncher};
use briefcase_ports::{LaunchCommand, LaunchedChild, Launcher as _};
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

/// A deadline that a loaded machine meets too.
pub const LONG: Duration = Duration::from_secs(60);

pub fn launcher() -> JailLauncher {
    JailLauncher::new(briefcase_testkit::program(JAIL)).unwrap()
}

pub fn command(argv: &[&str]) -> LaunchCommand {
    let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
    LaunchCommand {
        argv: argv.iter().map(ToString::to_string).collect(),
        env: vec![("PATH".to_owned(), Zeroizing::new(path))],
        cwd: PathBuf::from("/"),
        pipes: false,
    }
}

pub async fn launch(argv: &[&str]) -> LaunchedChild {
    launcher().launch(command(argv)).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the child's output until it closes the stream.
pub async fn output(child: &mut LaunchedChild) -> String {
    let mut text = String::new();
    tokio::time::timeout(LONG, child.stdout.read_to_string(&mut text)).await.expect("the child ends").unwrap();
    text
}
