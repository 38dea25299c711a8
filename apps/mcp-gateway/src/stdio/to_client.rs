//! Messages from the daemon to the client, and the connection's life cycle.

use std::{sync::Arc, time::Duration};

use briefcase_ipc::{ChannelRoute, DaemonClient, FrameReceiver, FrameSender, ToDaemon, ToGateway};
use briefcase_mcp::{MessageKind, RequestId, method, notification, request_id, single_line};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::{
    AgentAccess, StdioError,
    from_client::CHANNEL,
    pipes::Output,
    state::{DaemonLinkState, StdioState},
};
use crate::{daemon::Unavailable, handshake::Handshake};

/// The interval between attempts to reach a missing daemon.
const RETRY: Duration = Duration::from_millis(500);
/// The interval after the daemon refused the credential.
const RETRY_CREDENTIAL: Duration = Duration::from_secs(5);
/// The time in which the daemon must answer a repeated handshake.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// The time for open requests to complete after the client has closed its side.
const DRAIN: Duration = Duration::from_secs(5);
/// The size of one write.
const BATCH_BYTES: usize = 64 * 1024;

/// The reason a connection to the daemon ended.
enum ConnectionEnd {
    /// The client has closed.
    Client,
    /// The daemon ended the connection or the conversation.
    Daemon(Unavailable),
}

/// Connects, serves and reconnects, until the client closes.
pub(super) async fn run(
    access: AgentAccess,
    state: Arc<StdioState>,
    mut answers: mpsc::Receiver<Bytes>,
    mut output: Output,
) -> Result<(), StdioError> {
    let mut reported = None;
    loop {
        let why = match access.connect().await {
            Ok(link) => match serve(link, &access, &state, &mut answers, &mut output).await? {
                ConnectionEnd::Client => return Ok(()),
                ConnectionEnd::Daemon(why) => why,
            },
            Err(why) => why,
        };
        // Log each reason once: a client that never reads standard error must not block this process.
        if reported.as_ref() != Some(&why) {
            tracing::warn!("{} {}", why.message, why.next_step);
            reported = Some(why.clone());
        }
        let pause = if why.is_credential() { RETRY_CREDENTIAL } else { RETRY };
        give_up_requests(why, &state, &mut output).await?;
        if wait_for_retry(pause, &state, &mut answers, &mut output).await? {
            return Ok(());
        }
    }
}

/// Sends error responses to open requests, and cancels the daemon's requests to the client. No request is sent again: it may
/// have taken effect.
async fn give_up_requests(why: Unavailable, state: &StdioState, output: &mut Output) -> Result<(), StdioError> {
    let (open, asked) = state.lost(why);
    let mut out = BytesMut::new();
    for id in open {
        put_line(&mut out, &Unavailable::lost_in_flight().answer(Some(&id)));
    }
    for id in asked {
        let params =
            [br#"{"reason":"the connection to briefcased ended","requestId":"#, &**id.as_json(), b"}"].concat();
        put_line(&mut out, &notification(method::CANCELLED, Some(&params)));
    }
    Ok(output.write_all(&out).await?)
}

/// Writes the gateway's own responses until the next attempt. Returns `true` when the client has closed.
async fn wait_for_retry(
    pause: Duration,
    state: &StdioState,
    answers: &mut mpsc::Receiver<Bytes>,
    output: &mut Output,
) -> Result<bool, StdioError> {
    let retry = tokio::time::sleep(pause);
    tokio::pin!(retry);
    loop {
        tokio::select! {
            biased;
            answer = answers.recv() => match answer {
                Some(answer) => write_line(output, &answer).await?,
                None => return Ok(true),
            },
            () = state.until_client_is_gone() => return Ok(true),
            () = &mut retry => return Ok(false),
        }
    }
}

async fn serve(
    link: DaemonClient,
    access: &AgentAccess,
    state: &StdioState,
    answers: &mut mpsc::Receiver<Bytes>,
    output: &mut Output,
) -> Result<ConnectionEnd, StdioError> {
    let reconnected = state.has_session();
    let DaemonClient { mut receiver, sender, welcome, .. } = link;
    tracing::info!(agent = %welcome.agent, daemon = %welcome.daemon, "connected");
    let open = ToDaemon::Open { channel: CHANNEL, open: access.open.clone() };
    if sender.send(open).await.is_err() {
        return Ok(ConnectionEnd::Daemon(Unavailable::lost()));
    }
    if let Some((id, initialize)) = state.with_session(Handshake::again).flatten() {
        let resumed = resume(&mut receiver, &sender, (&id, initialize), state, answers, output).await?;
        if let Some(end) = resumed {
            return Ok(end);
        }
    }
    state.set_link(DaemonLinkState::Up(sender.clone()));
    let mut out = BytesMut::with_capacity(BATCH_BYTES);
    if reconnected {
        let changes = state.with_session(Handshake::changes).unwrap_or_default();
        changes.iter().for_each(|change| put_line(&mut out, change));
        output.write_all(&out).await?;
        out.clear();
    }
    let mut own_answers = true;
    loop {
        tokio::select! {
            frame = receiver.recv() => {
                let Ok(Some(frame)) = frame else { return Ok(ConnectionEnd::Daemon(Unavailable::lost())) };
                if let Some(end) = write_batch(frame, &mut receiver, &mut out, state, output).await? {
                    return Ok(end);
                }
            }
            answer = answers.recv(), if own_answers => match answer {
                Some(answer) => write_line(output, &answer).await?,
                None => own_answers = false,
            },
            () = state.until_client_is_gone() => break,
        }
    }
    drain(&mut receiver, state, answers, &mut out, output).await?;
    // Close the conversation at the daemon before the connection ends.
    let _ = sender.send(ToDaemon::Close { channel: CHANNEL }).await;
    Ok(ConnectionEnd::Client)
}

/// Repeats the handshake of the client's session. Returns `None` when the session continues.
async fn resume(
    receiver: &mut FrameReceiver<ToGateway>,
    sender: &FrameSender<ToDaemon>,
    (id, initialize): (&RequestId, Bytes),
    state: &StdioState,
    answers: &mut mpsc::Receiver<Bytes>,
    output: &mut Output,
) -> Result<Option<ConnectionEnd>, StdioError> {
    let lost = || Ok(Some(ConnectionEnd::Daemon(Unavailable::lost())));
    let to_daemon = |json| ToDaemon::Message { channel: CHANNEL, headers: None, json };
    if sender.send(to_daemon(initialize)).await.is_err() {
        return lost();
    }
    let deadline = tokio::time::sleep(HANDSHAKE);
    tokio::pin!(deadline);
    let answer = loop {
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => write_line(output, &answer).await?,
            () = state.until_client_is_gone() => return Ok(Some(ConnectionEnd::Client)),
            frame = receiver.recv() => match frame {
                Ok(Some(ToGateway::Message { route: ChannelRoute::Related(about), json, .. }))
                    if RequestId::from_json(about.clone()).is_ok_and(|about| about == *id) => break json,
                Ok(Some(ToGateway::Closed { reason, .. })) => {
                    return Ok(Some(ConnectionEnd::Daemon(ended(reason))));
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return lost(),
            },
            () = &mut deadline => return lost(),
        }
    };
    if let Some(Err(why)) = state.with_session(|handshake| handshake.agrees(&answer)) {
        return Ok(Some(ConnectionEnd::Daemon(why)));
    }
    let initialized = state.with_session(|handshake| handshake.initialized().cloned()).flatten();
    match initialized {
        Some(message) if sender.send(to_daemon(message.clone())).await.is_err() => lost(),
        _ => Ok(None),
    }
}

/// Gives open requests time to complete after the client has closed its side.
async fn drain(
    receiver: &mut FrameReceiver<ToGateway>,
    state: &StdioState,
    answers: &mut mpsc::Receiver<Bytes>,
    out: &mut BytesMut,
    output: &mut Output,
) -> Result<(), StdioError> {
    let deadline = tokio::time::sleep(DRAIN);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => write_line(output, &answer).await?,
            () = state.until_all_are_answered() => return Ok(()),
            frame = receiver.recv() => {
                let Ok(Some(frame)) = frame else { return Ok(()) };
                if write_batch(frame, receiver, out, state, output).await?.is_some() {
                    return Ok(());
                }
            }
            () = &mut deadline => return Ok(()),
        }
    }
}

/// Writes a frame and all frames that arrived with it.
async fn write_batch(
    first: ToGateway,
    receiver: &mut FrameReceiver<ToGateway>,
    out: &mut BytesMut,
    state: &StdioState,
    output: &mut Output,
) -> Result<Option<ConnectionEnd>, StdioError> {
    let mut frame = first;
    let end = loop {
        match frame {
            ToGateway::Message { channel: CHANNEL, route, json } => {
                if MessageKind::peek(&json).is_response() {
                    if let ChannelRoute::Related(id) = route
                        && let Ok(id) = RequestId::from_json(id)
                    {
                        state.answered(&id, &json);
                    }
                } else if let Some(id) = request_id(&json) {
                    state.asked(&id);
                }
                put_line(out, &single_line(json));
            }
            ToGateway::Closed { channel: CHANNEL, reason } => {
                break Some(ConnectionEnd::Daemon(ended(reason)));
            }
            _ => tracing::debug!("ignored a message for a conversation that does not exist"),
        }
        if out.len() >= BATCH_BYTES {
            break None;
        }
        match receiver.recv().now_or_never() {
            Some(Ok(Some(next))) => frame = next,
            Some(_) => break Some(ConnectionEnd::Daemon(Unavailable::lost())),
            None => break None,
        }
    };
    output.write_all(out).await?;
    out.clear();
    Ok(end)
}

/// The reason after the daemon ended the conversation.
fn ended(reason: String) -> Unavailable {
    Unavailable::new(reason, "See `briefcase status`. The session continues when briefcased serves this agent again.")
}

async fn write_line(output: &mut Output, message: &[u8]) -> Result<(), StdioError> {
    let mut out = BytesMut::with_capacity(message.len().saturating_add(1));
    put_line(&mut out, message);
    Ok(output.write_all(&out).await?)
}

fn put_line(out: &mut BytesMut, message: &[u8]) {
    out.reserve(message.len().saturating_add(1));
    out.put_slice(message);
    out.put_u8(b'\n');
}
