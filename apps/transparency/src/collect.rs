//! Asking witnesses for their cosignatures (C2SP tlog-witness, `add-checkpoint`).

use std::{path::Path, time::Duration};

use briefcase_egress::{Egress, EgressSettings, Lane, Reach, Request, Target};
use briefcase_tlog::{
    AddCheckpoint, Policy, SignedCheckpoint, Source as _, policy::KnownWitness, tiles, tree::Consistency,
    witness::SIZE_TYPE,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};

use crate::{
    disk::{self, Held, Readers},
    failure::{Failure, asking},
    log::Log,
};

const PATIENCE: Duration = Duration::from_secs(20);
const ANSWER_MAX: u64 = 16 * 1024;

/// What became of one witness.
#[derive(Debug)]
pub struct Asked {
    pub witness: String,
    /// `None` when it has cosigned, else why not.
    pub failure: Option<String>,
}

/// Asks every witness that has an address and has not cosigned the head. What comes back is checked and kept, whether it
/// is enough or not.
pub async fn collect(path: &Path, policy: &Policy, now: u64) -> Result<(Vec<Asked>, SignedCheckpoint), Failure> {
    let _held = Held::take(path)?;
    let log = opened(path, policy)?;
    let egress = Egress::new(EgressSettings::default()).map_err(|error| asking("all")(&error))?;
    let (mut head, mut asked) = (log.head().clone(), Vec::new());
    for known in policy.witnesses() {
        if known.witness.verify(head.note().as_bytes()).is_ok() {
            asked.push(Asked { witness: known.name.clone(), failure: None });
            continue;
        }
        let Some(url) = &known.url else { continue };
        let line = ask(&egress, url, known, &log).await;
        let failure = match line.and_then(|lines| added(&head, known, &lines, now)) {
            Ok(more) => {
                head = more;
                None
            }
            Err(failure) => Some(failure.to_string()),
        };
        asked.push(Asked { witness: known.name.clone(), failure });
    }
    disk::put(&log.file(tiles::CHECKPOINT), head.note().as_bytes(), Readers::Everybody)?;
    Ok((asked, head))
}

/// The log of a folder, which has to be one of the policy.
pub fn opened(path: &Path, policy: &Policy) -> Result<Log, Failure> {
    let file = path.join(tiles::CHECKPOINT);
    let note = briefcase_tlog::Folder::new(path).read(tiles::CHECKPOINT, 64 * 1024).map_err(Failure::file(&file))?;
    let note = note.ok_or_else(|| Failure::file(&file)(std::io::ErrorKind::NotFound.into()))?;
    let known = policy.logs().iter().find(|log| log.key.verify(&note).is_ok());
    Log::open(path, &known.ok_or(Failure::UnknownLog)?.key)
}

/// The head with the witness's line, if it holds and is not of tomorrow.
fn added(head: &SignedCheckpoint, known: &KnownWitness, lines: &str, now: u64) -> Result<SignedCheckpoint, Failure> {
    let more = head.with_lines(lines)?;
    let time = known.witness.verify(more.note().as_bytes())?;
    let early = "it says that it cosigned after now";
    if time > now.saturating_add(300) {
        return Err(Failure::Witness { witness: known.name.clone(), reason: early.into() });
    }
    Ok(more)
}

async fn ask(egress: &Egress, url: &str, known: &KnownWitness, log: &Log) -> Result<String, Failure> {
    let failed = asking(&known.name);
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let target = Target::parse(&url, Reach::Public).or_else(|_| Target::parse(&url, Reach::Loopback));
    let lane = egress.lane(target.map_err(|error| failed(&error))?);
    let (mut old, mut rounds) = (0, 0);
    loop {
        let proof = Consistency::prove(old, log.size(), &log.reader());
        let proof = if old == 0 { Vec::new() } else { proof?.path };
        let body = AddCheckpoint { old, proof, note: log.head().note().to_owned() }.text();
        let (status, kind, text) = posted(&lane, body, known).await?;
        rounds += 1;
        let conflict = status == StatusCode::CONFLICT && kind == SIZE_TYPE;
        match text.trim_end().parse::<u64>() {
            Ok(size) if conflict && rounds < 3 && size != old && size <= log.size() => old = size,
            Ok(size) if conflict => {
                let reason = format!("it has cosigned {size} entries, and this log has {}", log.size());
                return Err(Failure::Witness { witness: known.name.clone(), reason });
            }
            _ if status == StatusCode::OK => return Ok(text),
            _ => {
                let reason = format!("it answered {}: {}", status.as_u16(), text.trim_end());
                return Err(Failure::Witness { witness: known.name.clone(), reason });
            }
        }
    }
}

async fn posted(lane: &Lane, body: String, known: &KnownWitness) -> Result<(StatusCode, String, String), Failure> {
    let failed = asking(&known.name);
    let request = Request {
        method: Method::POST,
        place: None,
        headers: HeaderMap::new(),
        body: Bytes::from(body),
        patience: PATIENCE,
        limit: ANSWER_MAX,
    };
    let answer = lane.send(request).await.map_err(|error| failed(&error))?;
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (status, kind) = (answer.status, kind.unwrap_or_default().to_owned());
    let body = answer.body.collect().await.map_err(|error| failed(&error))?;
    Ok((status, kind, String::from_utf8_lossy(&body).into_owned()))
}
