//! The owner of the other end of a connection within this machine.
//!
//! The kernel's table of TCP sockets names the user and the inode of each end. The process that has the inode open is
//! found in `/proc`, if this process may look into it. What the other end itself claims does not count.

use std::{net::SocketAddr, path::PathBuf};

/// The owner of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOwner {
    /// The user id.
    pub user: u32,
    /// The process, if this process may look into it.
    pub process: Option<SocketProcess>,
}

impl SocketOwner {
    /// Returns whether only this process's own user is known. Any program of the user looks the same, so this names nobody.
    #[must_use]
    pub fn is_anyone(&self) -> bool {
        self.process.is_none() && self.user == rustix::process::geteuid().as_raw()
    }
}

/// The process that owns a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketProcess {
    /// The program's file.
    pub program: PathBuf,
    /// The arguments, each with a zero byte after it.
    pub arguments: Vec<u8>,
    /// The working directory.
    pub cwd: PathBuf,
}

/// What is known of the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerOwner {
    /// Its owner.
    Known(SocketOwner),
    /// The other end has not taken the connection yet.
    NotAccepted,
    /// The operating system does not say it.
    Unknown,
}

/// Finds the owner of the other end of the connection from `own` to `peer`, both of this machine.
#[must_use]
pub fn peer_owner(own: SocketAddr, peer: SocketAddr) -> PeerOwner {
    system::peer_owner(own, peer)
}

/// Finds the owners of the sockets that listen at this address, the ones for all addresses included.
#[must_use]
pub fn listeners(address: SocketAddr) -> Vec<SocketOwner> {
    system::listeners(address)
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::SocketAddr;

    use super::{PeerOwner, SocketOwner};

    pub(super) fn peer_owner(_: SocketAddr, _: SocketAddr) -> PeerOwner {
        PeerOwner::Unknown
    }

    pub(super) fn listeners(_: SocketAddr) -> Vec<SocketOwner> {
        Vec::new()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::{
        fs,
        net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
        path::{Path, PathBuf},
    };

    use super::{PeerOwner, SocketOwner, SocketProcess};

    /// The tables of TCP sockets in this network namespace.
    const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
    /// The state of a socket that listens.
    const LISTEN: &str = "0A";

    /// One socket of the tables.
    struct Row {
        local: SocketAddr,
        remote: SocketAddr,
        listens: bool,
        user: u32,
        /// Zero for a connection that no process has taken yet.
        inode: u64,
    }

    pub(super) fn peer_owner(own: SocketAddr, peer: SocketAddr) -> PeerOwner {
        let (own, peer) = (canonical(own), canonical(peer));
        let Some(row) = rows().into_iter().find(|row| !row.listens && row.local == peer && row.remote == own) else {
            return PeerOwner::Unknown;
        };
        if row.inode == 0 { PeerOwner::NotAccepted } else { PeerOwner::Known(owner(&row)) }
    }

    pub(super) fn listeners(address: SocketAddr) -> Vec<SocketOwner> {
        let address = canonical(address);
        let at = |row: &Row| {
            row.listens
                && row.local.port() == address.port()
                && (row.local.ip() == address.ip() || row.local.ip().is_unspecified())
        };
        rows().iter().filter(|row| at(row)).map(owner).collect()
    }

    fn owner(row: &Row) -> SocketOwner {
        SocketOwner { user: row.user, process: process(row.inode) }
    }

    fn rows() -> Vec<Row> {
        let tables = TABLES.iter().filter_map(|table| fs::read_to_string(table).ok());
        tables.flat_map(|table| table.lines().skip(1).filter_map(row).collect::<Vec<_>>()).collect()
    }

    /// Reads `sl local remote state queues timer retransmits uid timeout inode …`.
    fn row(line: &str) -> Option<Row> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Some(Row {
            local: address(fields.get(1)?)?,
            remote: address(fields.get(2)?)?,
            listens: *fields.get(3)? == LISTEN,
            user: fields.get(7)?.parse().ok()?,
            inode: fields.get(9)?.parse().ok()?,
        })
    }

    /// Reads an address such as `0100007F:1F90`: words in the order of this machine's bytes, then the port.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let words: Vec<[u8; 4]> = (0..ip.len())
            .step_by(8)
            .map(|at| Some(u32::from_str_radix(ip.get(at..at.checked_add(8)?)?, 16).ok()?.to_ne_bytes()))
            .collect::<Option<_>>()?;
        let ip = match words.as_slice() {
            [four] => IpAddr::V4(Ipv4Addr::from(*four)),
            [_, _, _, _] => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?)),
            _ => return None,
        };
        Some(canonical(SocketAddr::new(ip, port)))
    }

    /// An IPv4 address written as IPv6 becomes IPv4: a socket for both lists it that way.
    fn canonical(address: SocketAddr) -> SocketAddr {
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    /// The first process that has the socket open, among those that this process may look into.
    fn process(inode: u64) -> Option<SocketProcess> {
        let target = format!("socket:[{inode}]");
        let mut processes: Vec<u32> = fs::read_dir("/proc")
            .ok()?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        processes.sort_unstable();
        let found = processes.into_iter().find(|pid| has_open(*pid, Path::new(&target)))?;
        let link = |name: &str| fs::read_link(format!("/proc/{found}/{name}")).ok();
        Some(SocketProcess {
            program: without_deleted(link("exe")?),
            arguments: fs::read(format!("/proc/{found}/cmdline")).ok()?,
            cwd: link("cwd")?,
        })
    }

    fn has_open(pid: u32, target: &Path) -> bool {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link == target))
    }

    /// The path of a program whose file was replaced since it started.
    fn without_deleted(path: PathBuf) -> PathBuf {
        path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map_or_else(|| path.clone(), PathBuf::from)
    }

    #[cfg(test)]
    mod tests {
        use std::net::{TcpListener, TcpStream};

        use super::{super::listeners as all_listeners, *};

        fn connection(bind: &str, connect: &str) -> (TcpListener, TcpStream, SocketAddr, SocketAddr) {
            let listener = TcpListener::bind(bind).unwrap();
            let stream = TcpStream::connect((connect, listener.local_addr().unwrap().port())).unwrap();
            let (own, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            (listener, stream, own, peer)
        }

        #[test]
        fn the_other_end_is_known_after_it_accepted() {
            for (bind, connect) in [
                ("127.0.0.1:0", "127.0.0.1"),
                ("0.0.0.0:0", "127.0.0.1"),
                ("0.0.0.0:0", "127.9.9.9"),
                ("[::1]:0", "::1"),
                ("[::]:0", "127.0.0.1"),
                ("[::]:0", "::1"),
            ] {
                let Ok(probe) = TcpListener::bind(bind) else { continue };
                drop(probe);
                let (listener, _stream, own, peer) = connection(bind, connect);
                assert_eq!(peer_owner(own, peer), PeerOwner::NotAccepted, "{bind} {connect}");
                let accepted = listener.accept().unwrap();
                let PeerOwner::Known(owner) = peer_owner(own, peer) else { panic!("{bind} {connect}") };
                assert_eq!(owner.user, rustix::process::geteuid().as_raw());
                let process = owner.process.unwrap();
                assert_eq!(process.program, std::env::current_exe().unwrap());
                assert!(all_listeners(peer).iter().any(|listener| listener.process.as_ref() == Some(&process)));
                drop(accepted);
            }
        }

        #[test]
        fn no_connection_has_no_owner() {
            let nowhere = "127.0.0.1:1".parse().unwrap();
            assert_eq!(peer_owner(nowhere, nowhere), PeerOwner::Unknown);
        }

        #[test]
        fn rows_of_another_form_are_skipped() {
            for line in ["", "  sl", "0: zz:1 0:1 0A 0 0 0 0 0 1", "0: 0100007F:1F90 00000000:0000"] {
                assert!(row(line).is_none(), "{line}");
            }
            let line =
                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 42 1 0 100";
            let row = row(line).unwrap();
            if cfg!(target_endian = "little") {
                assert_eq!(row.local, "127.0.0.1:8080".parse().unwrap());
            }
            assert_eq!((row.listens, row.user, row.inode), (true, 1000, 42));
        }
    }
}
