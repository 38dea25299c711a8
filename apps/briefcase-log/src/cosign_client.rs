//! Asks witnesses for cosignatures (C2SP tlog-witness, `add-checkpoint`).

use std::{path::Path, time::Duration};

use briefcase_egress::{AddressPolicy, Egress, EgressRequest, EgressSettings, EgressTarget, OriginClient};
use briefcase_private_fs::{FileAccess, write};
use briefcase_tlog::{
    AddCheckpoint, FileSource as _, LogPolicy, SignedCheckpoint, merkle::ConsistencyProof, policy::KnownWitness, tiles,
    witness::SIZE_TYPE,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};

use crate::{
    error::{CommandError, witness_error},
    lock::lock_folder,
    log::SignedLog,
};

const WITNESS_TIMEOUT: Duration = Duration::from_secs(20);
const RESPONSE_MAX: u64 = 16 * 1024;

/// The result of asking one witness.
#[derive(Debug)]
pub struct CosignResult {
    pub witness: String,
    /// The reason for a failure; `None` when the witness cosigned.
    pub failure: Option<String>,
}

/// Asks every witness with an address that has not cosigned the checkpoint. Valid cosignatures are stored even when the
/// quorum is not reached.
pub async fn collect(
    path: &Path,
    policy: &LogPolicy,
    now: u64,
) -> Result<(Vec<CosignResult>, SignedCheckpoint), CommandError> {
    let _lock = lock_folder(path)?;
    let log = open_for_policy(path, policy)?;
    let egress = Egress::new(EgressSettings::default()).map_err(|error| witness_error("all")(&error))?;
    let (mut head, mut asked) = (log.head().clone(), Vec::new());
    for known in policy.witnesses() {
        if known.witness.verify(head.note().as_bytes()).is_ok() {
            asked.push(CosignResult { witness: known.name.clone(), failure: None });
            continue;
        }
        let Some(url) = &known.url else { continue };
        let line = request_cosignature(&egress, url, known, &log).await;
        let failure = match line.and_then(|lines| with_cosignature(&head, known, &lines, now)) {
            Ok(more) => {
                head = more;
                None
            }
            Err(failure) => Some(failure.to_string()),
        };
        asked.push(CosignResult { witness: known.name.clone(), failure });
    }
    write(&log.file(tiles::CHECKPOINT), head.note().as_bytes(), FileAccess::Public)?;
    Ok((asked, head))
}

/// Opens a folder's log, which the policy must name.
pub fn open_for_policy(path: &Path, policy: &LogPolicy) -> Result<SignedLog, CommandError> {
    let file = path.join(tiles::CHECKPOINT);
    let note =
        briefcase_tlog::LogFolder::new(path).read(tiles::CHECKPOINT, 64 * 1024).map_err(CommandError::file(&file))?;
    let note = note.ok_or_else(|| CommandError::file(&file)(std::io::ErrorKind::NotFound.into()))?;
    let known = policy.logs().iter().find(|log| log.key.verify(&note).is_ok());
    SignedLog::open(path, &known.ok_or(CommandError::UnknownLog)?.key)
}

/// Returns the checkpoint with the witness's line, if the cosignature is valid and not from the future.
fn with_cosignature(
    head: &SignedCheckpoint,
    known: &KnownWitness,
    lines: &str,
    now: u64,
) -> Result<SignedCheckpoint, CommandError> {
    let more = head.with_lines(lines)?;
    let time = known.witness.verify(more.note().as_bytes())?;
    let early = "its cosignature has a time in the future";
    if time > now.saturating_add(300) {
        return Err(CommandError::Witness { witness: known.name.clone(), reason: early.into() });
    }
    Ok(more)
}

async fn request_cosignature(
    egress: &Egress,
    url: &str,
    known: &KnownWitness,
    log: &SignedLog,
) -> Result<String, CommandError> {
    let failed = witness_error(&known.name);
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let target = EgressTarget::parse(&url, AddressPolicy::Public)
        .or_else(|_| EgressTarget::parse(&url, AddressPolicy::Loopback));
    let client = egress.client(target.map_err(|error| failed(&error))?);
    let (mut old, mut rounds) = (0, 0);
    loop {
        let proof = ConsistencyProof::prove(old, log.size(), &log.reader());
        let proof = if old == 0 { Vec::new() } else { proof?.path };
        let body = AddCheckpoint { old, proof, note: log.head().note().to_owned() }.text();
        let (status, kind, text) = post(&client, body, known).await?;
        rounds += 1;
        let conflict = status == StatusCode::CONFLICT && kind == SIZE_TYPE;
        match text.trim_end().parse::<u64>() {
            Ok(size) if conflict && rounds < 3 && size != old && size <= log.size() => old = size,
            Ok(size) if conflict => {
                let reason = format!("it has cosigned {size} entries, and this log has {}", log.size());
                return Err(CommandError::Witness { witness: known.name.clone(), reason });
            }
            _ if status == StatusCode::OK => return Ok(text),
            _ => {
                let reason = format!("it answered {}: {}", status.as_u16(), text.trim_end());
                return Err(CommandError::Witness { witness: known.name.clone(), reason });
            }
        }
    }
}

async fn post(
    client: &OriginClient,
    body: String,
    known: &KnownWitness,
) -> Result<(StatusCode, String, String), CommandError> {
    let failed = witness_error(&known.name);
    let request = EgressRequest {
        method: Method::POST,
        path: None,
        headers: HeaderMap::new(),
        body: Bytes::from(body),
        timeout: WITNESS_TIMEOUT,
        limit: RESPONSE_MAX,
    };
    let answer = client.send(request).await.map_err(|error| failed(&error))?;
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (status, kind) = (answer.status, kind.unwrap_or_default().to_owned());
    let body = answer.body.collect().await.map_err(|error| failed(&error))?;
    Ok((status, kind, String::from_utf8_lossy(&body).into_owned()))
}
