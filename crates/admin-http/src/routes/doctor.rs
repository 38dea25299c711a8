//! The doctor: the protections of this briefcase and whether each holds.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use axum::{Json, extract::State};
use briefcase_api::{Check, Severity};
use briefcase_policy::authority::{Authority, Server};
use briefcase_types::FactorKind;

use super::clock;
use crate::{
    Briefcase, loopback,
    state::{AdminState, DebuggingRule, ProcessProtection},
};

/// Fewer descriptors than this are a warning.
const OPEN_FILES_WANTED: u64 = 4096;
/// The descriptors of one local server: three streams, its process, and a share of a client's connection.
const PER_CHILD: u64 = 5;

/// `GET /v1/doctor`
pub async fn doctor(State(admin): State<Arc<AdminState>>) -> Json<Vec<Check>> {
    let protection = (admin.parts.protection)();
    let mut checks = vec![
        check("core_dumps", protection.core_dumps_off, "Core dumps are off.", "Core dumps are on: a crash could write secrets to disk."),
        check("undumpable", protection.not_dumpable, "Other processes of this user cannot read the daemon's memory.", "The daemon's memory can be read by other processes of this user."),
        program(protection),
        swap(protection),
        same_user(protection),
        rollback(),
        open_files(protection),
        computer_clock(&admin),
        folder(&admin),
        Check {
            name: "own_user".to_owned(),
            severity: Severity::Warn,
            message: "The daemon runs as the same user as the agents: they can stop it and delete its files, though not read or forge what counts.".to_owned(),
            next_step: Some("See \"A user of its own\" in docs/security.md.".to_owned()),
        },
    ];
    match admin.parts.lock.current() {
        None => checks.push(Check {
            name: "vault".to_owned(),
            severity: Severity::Warn,
            message: "The briefcase is locked: agents are refused.".to_owned(),
            next_step: Some("briefcase unlock".to_owned()),
        }),
        Some(briefcase) => checks.extend(unlocked(&briefcase)),
    }
    Json(checks)
}

/// The checks of an unlocked briefcase.
fn unlocked(briefcase: &Briefcase) -> Vec<Check> {
    let authority = briefcase.engine.authority();
    let has = |kind: FactorKind| authority.document().factors.iter().any(|factor| factor.kind == kind.as_str());
    let mut checks = vec![check(
        "factor",
        has(FactorKind::Pin) || has(FactorKind::Passkey),
        "A presence factor is enrolled.",
        "No presence factor is enrolled: nothing can be approved.",
    )];
    if !has(FactorKind::Passkey) {
        checks.push(Check {
            name: "passkey".to_owned(),
            severity: Severity::Warn,
            message:
                "No passkey is enrolled: a PIN typed at a terminal can be seen by a program that replaced the terminal."
                    .to_owned(),
            next_step: Some("briefcase factor add passkey".to_owned()),
        });
    }
    checks.extend(void_credentials(authority.document()));
    checks.extend(pipes(authority.document()));
    checks.extend(listeners(authority.document()));
    let failure = briefcase.store.failure();
    checks.push(Check {
        name: "record".to_owned(),
        severity: if failure.is_none() { Severity::Ok } else { Severity::Fail },
        message: failure.as_ref().map_or_else(|| "The record can be written.".to_owned(), ToString::to_string),
        next_step: failure.map(|failure| failure.next_step().to_owned()),
    });
    checks
}

fn check(name: &str, holds: bool, good: &str, bad: &str) -> Check {
    Check {
        name: name.to_owned(),
        severity: if holds { Severity::Ok } else { Severity::Fail },
        message: if holds { good } else { bad }.to_owned(),
        next_step: (!holds).then(|| "Restart briefcased; if it stays, report it.".to_owned()),
    }
}

/// Warns of agents whose tokens a restore made void. The daemon rejects their gateways.
fn void_credentials(authority: &Authority) -> Option<Check> {
    let disabled = authority.agents.iter().filter(|(_, agent)| agent.disabled).map(|(name, _)| name.as_str());
    let names = disabled.collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| Check {
        name: "void_credentials".to_owned(),
        severity: Severity::Warn,
        message: format!("Since the state was restored these agents cannot connect: {names}."),
        next_step: Some("Give those you still want a new credential: briefcase agent add NAME".to_owned()),
    })
}

/// Only the kernel can protect a process between its program's loading and its first instruction, and it does so for a program
/// that the user cannot read.
fn program(protection: ProcessProtection) -> Check {
    let readable = protection.program_readable;
    Check {
        name: "program".to_owned(),
        severity: if readable { Severity::Warn } else { Severity::Ok },
        message: if readable {
            "In the moment it starts, other processes of this user can open the daemon's memory, and keep it open."
        } else {
            "The daemon's memory is closed from its first moment."
        }
        .to_owned(),
        next_step: readable.then(|| {
            "Let root own the programs, and let others run but not read them: chown root, chmod 711; or allow programs in memory (sysctl vm.memfd_noexec=0), and do not run briefcased as root.".to_owned()
        }),
    }
}

/// Reports how many connections the daemon's descriptors allow.
fn open_files(protection: ProcessProtection) -> Check {
    let few = protection.open_files.filter(|limit| *limit < OPEN_FILES_WANTED);
    Check {
        name: "open_files".to_owned(),
        severity: if few.is_some() { Severity::Warn } else { Severity::Ok },
        message: protection.open_files.map_or_else(
            || "The number of open descriptors is not limited.".to_owned(),
            |limit| {
                format!(
                    "The daemon may open {limit} descriptors: enough for about {} local servers.",
                    limit / PER_CHILD
                )
            },
        ),
        next_step: few.map(|_| {
            "Raise the hard limit (`ulimit -Hn`, or LimitNOFILE= of its service), then restart briefcased.".to_owned()
        }),
    }
}

/// What keeps other processes of the user out of local servers. Sockets close the way through `/proc/PID/fd`; the kernel's
/// rules for debuggers have to close the others.
fn same_user(protection: ProcessProtection) -> Check {
    let rule = protection.debugging;
    let (severity, message) = match rule {
        DebuggingRule::Anyone => (
            Severity::Warn,
            "Other processes of this user can take over a local server by ptrace, process_vm_writev or pidfd_getfd, and \
             read its environment: no Yama, no mandatory profile and no own user of the daemon forbids it.",
        ),
        DebuggingRule::Ancestors => (
            Severity::Ok,
            "Yama holds (ptrace_scope 1): other processes of this user cannot take over a local server by ptrace, \
             process_vm_writev or pidfd_getfd. They can still read its environment.",
        ),
        DebuggingRule::Administrators => (
            Severity::Ok,
            "Yama holds (ptrace_scope 2): only root can take over a local server by ptrace, process_vm_writev or \
             pidfd_getfd. Processes of this user can still read its environment.",
        ),
        DebuggingRule::Nobody => (
            Severity::Ok,
            "Yama holds (ptrace_scope 3): nobody can take over a local server by ptrace, process_vm_writev or \
             pidfd_getfd. Processes of this user can still read its environment.",
        ),
        DebuggingRule::Profile => (
            Severity::Warn,
            "A mandatory profile (AppArmor or SELinux) confines the daemon and its local servers. Whether it forbids \
             ptrace, process_vm_writev and pidfd_getfd by other processes of this user depends on that profile; Yama does not.",
        ),
        _ => (
            Severity::Warn,
            "It is not known whether other processes of this user can take over a local server by ptrace, \
             process_vm_writev or pidfd_getfd.",
        ),
    };
    Check {
        name: "local_servers".to_owned(),
        severity,
        message: message.to_owned(),
        next_step: (severity != Severity::Ok).then(|| {
            "sysctl kernel.yama.ptrace_scope=1, or run briefcased as a user of its own (docs/security.md).".to_owned()
        }),
    }
}

/// Warns of local servers whose streams other processes can open.
fn pipes(authority: &Authority) -> Option<Check> {
    let names = names(authority, |server| server.settings.pipes);
    (!names.is_empty()).then(|| Check {
        name: "pipes".to_owned(),
        severity: Severity::Warn,
        message: format!(
            "These local servers use pipes, so other processes of this user can write requests into them and answers out \
             of them: {names}."
        ),
        next_step: Some("Where the program allows it: briefcase server set NAME --stdio sockets".to_owned()),
    })
}

/// Warns of servers on this machine whose secret goes to any program that takes their port.
fn listeners(authority: &Authority) -> Option<Check> {
    let names = names(authority, loopback::is_unbound);
    (!names.is_empty()).then(|| Check {
        name: "listeners".to_owned(),
        severity: Severity::Warn,
        message: format!("Any program that takes the port of these servers gets their secret: {names}."),
        next_step: Some("Start the server, then: briefcase server set NAME --accept-listener".to_owned()),
    })
}

fn names(authority: &Authority, wanted: impl Fn(&Server) -> bool) -> String {
    let found = authority.servers.iter().filter(|(_, server)| server.enabled && wanted(server));
    found.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Memory is not locked: users rarely have the limit for it, and argon2id needs more than that limit.
fn swap(protection: ProcessProtection) -> Check {
    let used = protection.swap_in_use;
    Check {
        name: "swap".to_owned(),
        severity: if used == Some(false) { Severity::Ok } else { Severity::Warn },
        message: match used {
            Some(false) => "No swap is in use: secrets stay in memory.",
            Some(true) => "Swap is in use: secrets in memory may be written to disk.",
            None => "It is not known whether memory may be written to a swap device.",
        }
        .to_owned(),
        next_step: (used != Some(false))
            .then(|| "Use encrypted swap or zram only, or turn it off: swapoff -a".to_owned()),
    }
}

/// No file that this user can write reveals a rollback: it would be replaced along with the rest.
fn rollback() -> Check {
    Check {
        name: "rollback".to_owned(),
        severity: Severity::Warn,
        message: "A state folder replaced as a whole by an older copy of itself looks sound from inside.".to_owned(),
        next_step: Some(
            "Keep a checkpoint on another machine, and compare: briefcase receipts verify --known CHECKPOINT"
                .to_owned(),
        ),
    }
}

fn computer_clock(admin: &AdminState) -> Check {
    let problem = clock::status(admin.parts.clock.as_ref()).problem;
    Check {
        name: "clock".to_owned(),
        severity: if problem.is_none() { Severity::Ok } else { Severity::Warn },
        message: problem
            .as_ref()
            .map_or("The computer's clock fits to the record.", |problem| &problem.message)
            .to_owned(),
        next_step: problem.map(|problem| problem.next_step),
    }
}

fn folder(admin: &AdminState) -> Check {
    let state = &admin.parts.state_folder;
    let private = std::fs::metadata(state).is_ok_and(|about| about.permissions().mode() & 0o077 == 0);
    let mut check =
        check("state_folder", private, "The state folder is private.", "Other users can look into the state folder.");
    check.next_step = (!private).then(|| format!("chmod 700 {}", state.display()));
    check
}
