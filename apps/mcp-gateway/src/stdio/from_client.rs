//! Messages from the client to the daemon.

use std::sync::Arc;

use briefcase_ipc::{ChannelId, ToDaemon};
use briefcase_mcp::{Envelope, EnvelopeKind, ErrorCode, error_response, method, response};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{
    StdioError,
    lines::{InputLine, LineDecoder},
    pipes::Input,
    state::{DaemonLinkState, StdioState},
};
use crate::daemon::Unavailable;

/// The one conversation of a stdio connection.
pub(super) const CHANNEL: ChannelId = ChannelId(1);
const READ_BYTES: usize = 64 * 1024;

/// Reads until the client closes. Ends early without an error when the writing loop has ended.
pub(super) async fn run(
    mut input: Input,
    state: Arc<StdioState>,
    answers: mpsc::Sender<Bytes>,
) -> Result<(), StdioError> {
    let mut lines = LineDecoder::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = input.read(&mut buffer).await?;
        lines.push(buffer.get(..count).unwrap_or_default());
        while let Some(line) = lines.next() {
            take(line, &state, &answers).await;
        }
        if count == 0 {
            break;
        }
    }
    if let Some(rest) = lines.rest() {
        take(InputLine::Whole(rest), &state, &answers).await;
    }
    Ok(())
}

async fn take(line: InputLine, state: &StdioState, answers: &mpsc::Sender<Bytes>) {
    let answer = match line {
        InputLine::TooLong => {
            Some(error_response(None, ErrorCode::INVALID_REQUEST, "the message is longer than 4 MiB", None))
        }
        InputLine::Whole(raw) => match Envelope::parse(raw) {
            Ok(message) => forward(message, state).await,
            Err(error) => Some(error.to_response()),
        },
    };
    if let Some(answer) = answer {
        // Without a writing loop there is no client left to answer.
        let _ = answers.send(answer).await;
    }
}

/// Forwards a message. Returns an error response when that fails.
async fn forward(message: Envelope, state: &StdioState) -> Option<Bytes> {
    let why = match state.link().await {
        DaemonLinkState::Up(sender) => {
            state.sent(&message);
            let id = message.id().cloned();
            let frame = ToDaemon::Message { channel: CHANNEL, headers: None, json: message.into_raw() };
            if sender.send(frame).await.is_ok() {
                return None;
            }
            // The writing loop answers the requests that were open at the connection's end. This request may have come
            // later.
            return id.filter(|id| state.withdraw(id)).map(|id| Unavailable::lost().answer(Some(&id)));
        }
        DaemonLinkState::Down(why) => why,
        DaemonLinkState::Connecting => Unavailable::lost(),
    };
    match message.kind() {
        // A client that probes its server must not give up a session that continues later.
        EnvelopeKind::Request { id, method } if &**method == method::PING && state.has_session() => {
            Some(response(id, b"{}"))
        }
        EnvelopeKind::Request { id, .. } => Some(why.answer(Some(id))),
        _ => None,
    }
}
