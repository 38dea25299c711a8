//! The sockets from the view of two processes.
#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

mod handshake;
mod listener;
mod stream;
mod token;

use std::path::Path;

use briefcase_ipc::{AgentListener, AgentToken, DaemonClient, GatewayConnection, PROTOCOL, Welcome};
use briefcase_types::SecretString;

pub(crate) const TOKEN: &str = "bca_0123456789abcdefghij";

/// A folder that is usable for sockets.
pub(crate) fn private() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700)).tempdir().unwrap()
}

pub(crate) fn token() -> AgentToken {
    AgentToken::new(SecretString::new(TOKEN.into())).unwrap()
}

pub(crate) fn welcome() -> Welcome {
    Welcome { protocol: PROTOCOL, agent: "default".into(), daemon: "test/1".into() }
}

/// A connected pair in a fresh folder.
pub(crate) async fn pair(dir: &Path) -> (DaemonClient, GatewayConnection) {
    let listener = AgentListener::bind(&dir.join("run")).unwrap();
    let path = listener.path();
    let server = async { listener.accept().await.read_hello().await.unwrap().welcome(welcome()).await.unwrap() };
    let (link, connection) = tokio::join!(DaemonClient::connect(&path, token(), "test/1"), server);
    (link.unwrap(), connection)
}
