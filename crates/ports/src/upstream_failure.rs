//! The reasons that a server returned nothing usable, for the agent and for a person.
//!
//! Invariant: the text of [`UpstreamFailure`] itself contains nothing that a server wrote, because agents receive it. What a
//! server wrote (its log, the target of a redirect) is in [`UpstreamFailure::details`], for a person only. It is redacted
//! and has no character that deceives.

use std::{fmt, time::Duration};

use briefcase_types::RefusalCode;

use crate::{JournalError, Quote};

/// The server returned nothing usable.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamFailure {
    /// No connection, or the server died.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The program of a local server ended.
    #[error("the server's program ended ({})", .0.status)]
    Ended(Box<ProgramEnd>),
    /// The server did not finish its start in time.
    #[error("the server did not finish starting within {} seconds", .0.after.as_secs())]
    SlowStart(Box<SlowStart>),
    /// No response in time.
    #[error("the server did not respond in time")]
    TimedOut,
    /// The client cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// The server violated the protocol or a limit; the reason is a stable word.
    #[error("the server's answer cannot be used: {0}")]
    Protocol(&'static str),
    /// A message of the server is longer than the limit. It was dropped; the connection stays.
    #[error("{}", too_large(*.bytes, *.limit))]
    TooLarge {
        /// The length, if the message was read to its end or announced.
        bytes: Option<u64>,
        /// The limit.
        limit: u64,
    },
    /// The server answered with an id of no request.
    #[error("the server answered with an id that was never asked")]
    WrongId {
        /// The id, printable and clipped.
        id: String,
    },
    /// The server no longer knows the session, and did not take the request.
    #[error("the server ended the session and did not take the request; the next request opens a new session")]
    SessionEnded,
    /// HTTP 401, or 403 about the token.
    #[error("the server rejected the credential")]
    Unauthorized,
    /// HTTP 402, with the price if the server states one that can be read.
    #[error("the server requires a payment")]
    PaymentRequired(Option<Box<Quote>>),
    /// Another HTTP status that is no success.
    #[error("{0}")]
    Http(Box<HttpRefusal>),
    /// Another process than the accepted one listens on a port of this machine. Nothing was sent to it.
    #[error("another program listens on the server's port; nothing was sent to it")]
    OtherListener(Box<OtherListener>),
    /// The request was not sent, because the record cannot be written.
    #[error("the call was not sent, because the record cannot be written: {0}")]
    Unrecorded(JournalError),
    /// The server is disabled or unknown, or its credential cannot be used.
    #[error("{0}")]
    NotReady(String),
}

/// The end of a local server's program.
#[derive(Clone, Debug, Default)]
pub struct ProgramEnd {
    /// The exit status or signal, such as `exit status 1`.
    pub status: String,
    /// The end of its log.
    pub log: LastLines,
}

/// The end of a program's log, redacted and printable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastLines {
    /// The last lines.
    pub lines: Vec<String>,
    /// The standard stream that the program opens by path, such as `/dev/stdin`. A socket cannot be opened that way.
    pub opened: Option<&'static str>,
}

/// A start that took too long.
#[derive(Clone, Debug, Default)]
pub struct SlowStart {
    /// The time that the server had.
    pub after: Duration,
    /// The end of its log.
    pub log: LastLines,
}

/// The listener of a loopback port, where it is not the accepted one.
#[derive(Clone, Debug, Default)]
pub struct OtherListener {
    /// The listener now.
    pub found: String,
    /// The accepted listener.
    pub accepted: String,
}

/// An HTTP status that is no success, and the parts of its response that say what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRefusal {
    /// The status.
    pub status: u16,
    /// The meaning of the status.
    pub kind: HttpRefusalKind,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `Location`, printable and clipped.
    pub location: Option<String>,
}

/// The meaning of an HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpRefusalKind {
    /// 3xx: the server names another address.
    Redirect,
    /// 403: the credential was understood, or none is needed; the request is not allowed.
    Forbidden,
    /// 403 or 421, and 400 where the body says so: the server does not accept the host name of its URL.
    WrongHost,
    /// 404: nothing at this path.
    NotFound,
    /// 405: no such method at this path.
    MethodNotAllowed,
    /// 406 or 415: the server does not take or give JSON.
    NotAcceptable,
    /// 429.
    RateLimited,
    /// 5xx.
    ServerError,
    /// Any other status.
    Other,
}

impl HttpRefusalKind {
    /// The kind of a status. `names_host` says that the response is about the host name.
    #[must_use]
    pub const fn of(status: u16, names_host: bool) -> Self {
        match status {
            421 => Self::WrongHost,
            400 | 403 if names_host => Self::WrongHost,
            300..=399 => Self::Redirect,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 | 415 => Self::NotAcceptable,
            429 => Self::RateLimited,
            500..=599 => Self::ServerError,
            _ => Self::Other,
        }
    }

    /// The stable word in receipts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::Forbidden => "forbidden",
            Self::WrongHost => "wrong_host",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Other => "http_status",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Redirect => "it redirects to another address, which is not followed",
            Self::Forbidden => "it does not allow this request",
            Self::WrongHost => "it does not accept the host name in its URL",
            Self::NotFound => "there is no MCP server at this path",
            Self::MethodNotAllowed => "this path takes no MCP messages",
            Self::NotAcceptable => "it does not speak JSON on this path",
            Self::RateLimited => "it got too many requests",
            Self::ServerError => "it failed inside",
            Self::Other => "it refused the request",
        }
    }
}

impl fmt::Display for HttpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered with HTTP status {}: {}", self.status, self.kind.meaning())?;
        match self.retry_after {
            Some(seconds) => write!(f, " (try again in {seconds} seconds)"),
            None => Ok(()),
        }
    }
}

impl UpstreamFailure {
    /// The refusal code that the agent receives.
    #[must_use]
    pub const fn code(&self) -> RefusalCode {
        match self {
            Self::Unauthorized => RefusalCode::OauthRequired,
            Self::PaymentRequired(_) => RefusalCode::PaymentRequired,
            Self::Unrecorded(_) => RefusalCode::Unavailable,
            _ => RefusalCode::UpstreamError,
        }
    }

    /// The stable word in receipts.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Ended(_) | Self::SessionEnded => "unreachable",
            Self::TimedOut | Self::SlowStart(_) => "timeout",
            Self::Cancelled => "cancelled",
            Self::Protocol(word) => word,
            Self::TooLarge { .. } => "too_large",
            Self::WrongId { .. } => "wrong_id",
            Self::Unauthorized => "unauthorized",
            Self::PaymentRequired(_) => "payment_required",
            Self::Http(refusal) => refusal.kind.word(),
            Self::OtherListener(_) => "other_listener",
            Self::Unrecorded(_) => "record",
            Self::NotReady(_) => "not_ready",
        }
    }

    /// The server's own words about the failure, for a person.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        match self {
            Self::Ended(end) => end.log.shown(),
            Self::SlowStart(start) => start.log.shown(),
            Self::WrongId { id } => Some(format!("The id is `{id}`.")),
            Self::Http(refusal) => {
                let target = refusal.location.as_ref()?;
                Some(format!("It redirects to `{target}`."))
            }
            Self::OtherListener(other) => Some(format!("Accepted was {}; now it is {}.", other.accepted, other.found)),
            _ => None,
        }
    }

    /// The next step. It has no text of the server.
    #[must_use]
    pub fn next_step(&self, server: &str) -> String {
        match self {
            Self::Ended(end) if end.log.opened.is_some() => use_pipes(server),
            Self::SlowStart(start) if start.log.opened.is_some() => use_pipes(server),
            Self::Ended(_) => format!(
                "Run its command in a terminal to see why it ends, correct it, then `briefcase server test {server}`."
            ),
            Self::SlowStart(_) => {
                format!("Try again, or give it more time: `briefcase server set {server} --start-timeout SECONDS`.")
            }
            Self::TooLarge { .. } => format!(
                "Ask for less at once, or raise the limit, at most 64 MiB: \
                 `briefcase server set {server} --message-limit MIB`."
            ),
            Self::SessionEnded => "Send the request again.".to_owned(),
            Self::Unauthorized => {
                "Replace the server's credential: `briefcase secret set NAME`, then `briefcase server test`.".to_owned()
            }
            Self::PaymentRequired(_) => {
                "This server requires a payment per call. Payments are not set up for it.".to_owned()
            }
            Self::TimedOut => {
                format!("Try again. If the error persists, test the server with `briefcase server test {server}`.")
            }
            Self::Cancelled => "The effect may have happened. Check the receipt before calling again.".to_owned(),
            Self::Http(refusal) => refusal.next_step(server),
            Self::Unrecorded(error) => error.next_step().to_owned(),
            Self::OtherListener(_) => format!(
                "Stop the other program and start the server. If the new program is the server, accept it: \
                 `briefcase server set {server} --accept-listener`."
            ),
            Self::Unreachable(_) | Self::Protocol(_) | Self::WrongId { .. } | Self::NotReady(_) => {
                format!("Test the server with `briefcase server test {server}`.")
            }
        }
    }
}

impl HttpRefusal {
    fn next_step(&self, server: &str) -> String {
        match self.kind {
            HttpRefusalKind::Redirect => format!(
                "If you trust the new address, register it instead: `briefcase server remove {server}`, then \
                 `briefcase server add {server} --url ADDRESS`. `briefcase server test {server}` shows the address."
            ),
            HttpRefusalKind::WrongHost => format!(
                "Register the server under a host name that it accepts, such as `localhost` instead of `127.0.0.1`, or \
                 allow this name in the server's own settings; then `briefcase server test {server}`."
            ),
            HttpRefusalKind::NotFound | HttpRefusalKind::MethodNotAllowed | HttpRefusalKind::NotAcceptable => {
                format!("Check the path of the URL (often `/mcp` or `/sse`), then `briefcase server test {server}`.")
            }
            HttpRefusalKind::Forbidden => {
                "Check what the credential may do at the server, and the server's own rules.".to_owned()
            }
            HttpRefusalKind::RateLimited => "Wait before the next call.".to_owned(),
            HttpRefusalKind::ServerError => "Look at the server's own log, then try again.".to_owned(),
            HttpRefusalKind::Other => format!("Test the server with `briefcase server test {server}`."),
        }
    }
}

impl LastLines {
    fn shown(&self) -> Option<String> {
        let opened = self
            .opened
            .map(|path| format!("It opens `{path}` by path, which its standard streams (socket pairs) do not allow."));
        let lines = (!self.lines.is_empty()).then(|| format!("Its last lines: {}", self.lines.join(" | ")));
        let parts: Vec<String> = opened.into_iter().chain(lines).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

fn use_pipes(server: &str) -> String {
    format!(
        "Give it pipes: `briefcase server set {server} --stdio pipes`. Other programs of your user can then write into \
         them."
    )
}

fn too_large(bytes: Option<u64>, limit: u64) -> String {
    match bytes {
        Some(bytes) => format!("the server's message has {bytes} bytes, and the limit is {limit} bytes"),
        None => format!("the server's message is longer than the limit of {limit} bytes"),
    }
}
