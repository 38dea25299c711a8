//! Guards a server on this machine: its secret goes only to the process that listened when the server was accepted.
//!
//! Any program of this machine may bind a port that its server has left. So each new connection is checked before its first
//! byte: the owner of the other end must be the accepted one. Same means same user, program, arguments and working
//! directory. Processes of another user are known by their user alone. A process of the own user that cannot be looked into is not
//! found: any program of the user could be it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use briefcase_egress::{Egress, EgressError, EgressTarget, PeerCheck, PeerCheckFuture};
use briefcase_platform::loopback::{self, PeerOwner, SocketOwner};
use briefcase_ports::OtherListener;
use briefcase_types::{Digest, LoopbackOwner};

/// How often the other end is looked for until it has accepted the connection, and how long between.
const LOOKS: u32 = 40;
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// The check of one server's connections.
#[derive(Debug)]
pub(crate) struct LoopbackGuard {
    accepted: Option<LoopbackOwner>,
    found: Mutex<Option<LoopbackOwner>>,
}

impl LoopbackGuard {
    /// A guard that accepts this owner only; without one, it accepts any and remembers it.
    pub(crate) fn new(accepted: Option<LoopbackOwner>) -> Arc<Self> {
        Arc::new(Self { accepted, found: Mutex::default() })
    }

    /// The owner of the other end of the newest connection.
    pub(crate) fn found(&self) -> Option<LoopbackOwner> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The owners of a rejected connection, for a person.
    pub(crate) fn rejection(&self) -> OtherListener {
        let shown = |owner: Option<&LoopbackOwner>| {
            owner.map_or_else(|| "a process that cannot be found out".to_owned(), ToString::to_string)
        };
        let (found, accepted) = (self.found(), self.accepted.as_ref());
        let same_program = found.as_ref().zip(accepted).is_some_and(|(found, accepted)| {
            found.user == accepted.user && found.program.is_some() && found.program == accepted.program
        });
        let different = if same_program { ", with other arguments or in another folder" } else { "" };
        OtherListener { found: shown(found.as_ref()) + different, accepted: shown(accepted) }
    }
}

impl PeerCheck for LoopbackGuard {
    fn check(&self, own: SocketAddr, peer: SocketAddr) -> PeerCheckFuture<'_> {
        Box::pin(async move {
            let found = owner(own, peer).await;
            self.found.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&found);
            match &self.accepted {
                Some(accepted) if found.as_ref() != Some(accepted) => Err("another process listens".to_owned()),
                _ => Ok(()),
            }
        })
    }
}

/// Finds the present listener of a server on this machine without sending it anything.
///
/// # Errors
/// The server cannot be reached.
pub async fn loopback_listener(egress: &Egress, target: EgressTarget) -> Result<Option<LoopbackOwner>, EgressError> {
    let guard = LoopbackGuard::new(None);
    let check: Arc<dyn PeerCheck> = guard.clone();
    egress.check_peer(target, check).await?;
    Ok(guard.found())
}

/// The owner of the other end. A server that accepts a connection only when data has come is known by its listening
/// socket; several listeners of different owners are nobody.
async fn owner(own: SocketAddr, peer: SocketAddr) -> Option<LoopbackOwner> {
    for _ in 0..LOOKS {
        match tokio::task::spawn_blocking(move || loopback::peer_owner(own, peer)).await.ok()? {
            PeerOwner::Known(owner) => return described(&owner),
            PeerOwner::NotAccepted | PeerOwner::Unknown => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    let listeners = tokio::task::spawn_blocking(move || loopback::listeners(peer)).await.ok()?;
    let (first, rest) = listeners.split_first()?;
    rest.iter().all(|other| other == first).then(|| described(first)).flatten()
}

/// Describes an owner; `None` when its description would fit any program of this user.
fn described(owner: &SocketOwner) -> Option<LoopbackOwner> {
    if owner.is_anyone() {
        return None;
    }
    let process = owner.process.as_ref();
    let command = process.map(|process| {
        let parts = [
            process.program.as_os_str().as_encoded_bytes(),
            process.arguments.as_slice(),
            process.cwd.as_os_str().as_encoded_bytes(),
        ];
        Digest::labelled("briefcase/listener/1", &parts)
    });
    let program = process.map(|process| process.program.to_string_lossy().into_owned());
    Some(LoopbackOwner { user: owner.user, program, command })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use briefcase_platform::loopback::SocketProcess;

    use super::*;

    fn process() -> SocketProcess {
        SocketProcess { program: "/bin/server".into(), arguments: b"server\0".to_vec(), cwd: "/".into() }
    }

    /// A process of this user may forbid others to look into it.
    #[test]
    fn a_process_of_this_user_that_cannot_be_looked_into_is_nobody() {
        let own = std::fs::metadata("/proc/self").unwrap().uid();
        let other = own.wrapping_add(1);
        for (user, process, is_found) in
            [(own, None, false), (own, Some(process()), true), (other, None, true), (other, Some(process()), true)]
        {
            let found = described(&SocketOwner { user, process });
            assert_eq!(found.is_some(), is_found, "{found:?}");
        }
    }

    /// What an earlier version accepted names any program of the user, and fits nobody now.
    #[tokio::test]
    async fn an_owner_that_was_accepted_by_user_alone_is_rejected() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _accepted = listener.accept().unwrap();
        let user = std::fs::metadata("/proc/self").unwrap().uid();
        let guard = LoopbackGuard::new(Some(LoopbackOwner { user, program: None, command: None }));
        assert!(guard.check(stream.local_addr().unwrap(), stream.peer_addr().unwrap()).await.is_err());
    }
}
