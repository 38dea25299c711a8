//! The running daemon: its sockets, its signals, and the ready line.

use std::{
    error::Error,
    io::{BufRead as _, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use briefcase_admin_http::{AdminParts, AdminState, DebuggingRule, LockControl as _, ProcessProtection};
use briefcase_api::Unlock;
use briefcase_ipc::{AdminListener, AgentListener, Paths};
use briefcase_launcher::{JAIL, JailLauncher};
use briefcase_platform::descriptors;
use briefcase_types::{Clock as _, Entropy, SecretString};
use briefcase_upstream::ChildEnvironment;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    agents,
    environment::{ChildProcesses, Environment},
    lock_state::{DaemonState, OwnedCredential},
    options::Run,
    print,
    process::{
        clock::{SystemClock, SystemTimer},
        hardening, installation,
    },
};

type Done = Result<(), Box<dyn Error>>;

/// Serves until SIGTERM or SIGINT.
pub fn run(
    paths: Paths,
    clock: Arc<SystemClock>,
    entropy: Arc<dyn Entropy>,
    options: &Run,
    variable: impl Fn(&str) -> Option<String>,
) -> Done {
    let filter = variable("BRIEFCASE_LOG").unwrap_or_else(|| "warn".to_owned());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let key = if options.unlock_stdin { Some(read_key()?) } else { None };
    let jail = options.jail.clone().map_or_else(|| installation::program(JAIL), Ok)?;
    let environment = ChildEnvironment {
        path: variable("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()),
        home: variable("HOME").map_or_else(|| paths.state.clone(), Into::into),
        lang: variable("LANG").unwrap_or_else(|| "C.UTF-8".to_owned()),
    };
    let children = ChildProcesses {
        launcher: Arc::new(JailLauncher::new(jail)?.with_open_files(raise_descriptor_limit())),
        environment,
    };
    // The provider is installed once; a second time would be another part of this program doing the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(paths, clock, entropy, options.console_port, children, key))
}

/// Raises the limit for open descriptors. Returns the old one, for the children.
fn raise_descriptor_limit() -> Option<u64> {
    match descriptors::raise() {
        Ok(limit) => limit.was,
        Err(error) => {
            tracing::warn!("the limit for open descriptors could not be raised: {error}");
            None
        }
    }
}

async fn serve(
    paths: Paths,
    clock: Arc<SystemClock>,
    entropy: Arc<dyn Entropy>,
    console_port: u16,
    children: ChildProcesses,
    key: Option<OwnedCredential>,
) -> Done {
    // Bound before the state is opened, so that a second daemon stops here with a clear error.
    let admin_socket = AdminListener::bind(&paths.runtime)?;
    let agent_socket = AgentListener::bind(&paths.runtime)?;
    let listeners = bind_console(console_port).await?;
    let address = listeners.first().map(TcpListener::local_addr).ok_or("no listener")??;
    let started = clock.now();
    let environment = Arc::new(Environment { paths, clock, entropy, console_port: address.port(), children });
    let daemon = Arc::new(DaemonState::new(Arc::clone(&environment)));
    let admin = Arc::new(AdminState::new(AdminParts {
        lock: daemon.clone(),
        clock: environment.clock.clone(),
        timer: Arc::new(SystemTimer::default()),
        entropy: environment.entropy.clone(),
        console_port: environment.console_port,
        state_folder: environment.paths.state.clone(),
        started,
        protection,
    }));
    let state = match key {
        Some(key) => daemon.unlock_with(key).await.map(|()| "ready")?,
        None => "locked",
    };
    let stop = CancellationToken::new();
    let console = tokio::spawn(briefcase_admin_http::serve_console(listeners, Arc::clone(&admin), stop.clone()));
    let authority = format!("localhost:{}", address.port());
    briefcase_admin_http::probe_port(address, &authority).await?;
    let socket = tokio::spawn(briefcase_admin_http::serve_socket(admin_socket, admin, stop.clone()));
    let agents = tokio::spawn(agents::serve(agent_socket, Arc::clone(&daemon), stop.clone()));
    print(&serde_json::json!({
        "ready": true, "state": state, "console": format!("http://{authority}"), "pid": std::process::id(),
    }));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    daemon.lock().await;
    stop.cancel();
    let _ = tokio::join!(console, socket, agents);
    Ok(())
}

fn protection() -> ProcessProtection {
    let (core_dumps_off, not_dumpable) = hardening::is_hardened();
    ProcessProtection {
        core_dumps_off,
        not_dumpable,
        program_readable: hardening::program_is_readable(),
        swap_in_use: hardening::swaps(),
        debugging: debugging(),
        open_files: descriptors::limit(),
    }
}

fn debugging() -> DebuggingRule {
    match hardening::ptrace_scope() {
        Ok(0) if hardening::is_confined() => DebuggingRule::Profile,
        Ok(0) => DebuggingRule::Anyone,
        Ok(1) => DebuggingRule::Ancestors,
        Ok(2) => DebuggingRule::Administrators,
        Ok(3) => DebuggingRule::Nobody,
        _ => DebuggingRule::Unknown,
    }
}

/// Binds both loopback addresses, on one port.
async fn bind_console(port: u16) -> Result<Vec<TcpListener>, Box<dyn Error>> {
    let taken = |error: std::io::Error| {
        format!("the console's port {port} cannot be used ({error}); choose another with --console-port, or 0 for any")
    };
    let first = TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)).await.map_err(taken)?;
    let port = first.local_addr()?.port();
    // A machine without IPv6 has one loopback address. If another program has the port there, browsers may reach its page instead.
    match TcpListener::bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)).await {
        Ok(second) => Ok(vec![first, second]),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(taken(error).into()),
        Err(_) => Ok(vec![first]),
    }
}

/// Reads the credential from one JSON line on stdin.
pub fn read_key() -> Result<OwnedCredential, Box<dyn Error>> {
    let mut line = zeroize::Zeroizing::new(String::new());
    std::io::stdin().lock().take(64 * 1024).read_line(&mut line)?;
    let unlock: Unlock<SecretString> = serde_json::from_str(&line)
        .map_err(|_| "stdin holds no line such as {\"unlock_key\":\"…\"} or {\"passphrase\":\"…\"}")?;
    Ok(OwnedCredential::parse(unlock)?)
}
