//! The mock server over Streamable HTTP, in the test's own process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

use super::message_sink::{MessageSink, Sending, half};
use super::record::{MessageRecord, ReceivedMessage};
use super::script::{Coding, MockAction, Script};
use super::server::{Departure, MockServer};

type Body = BoxBody<Bytes, std::io::Error>;

/// A mock server that listens on loopback, stopped when dropped.
pub struct HttpUpstream {
    shared: Arc<Shared>,
    address: String,
    accepting: JoinHandle<()>,
}

struct Shared {
    engine: MockServer,
    script: Mutex<Script>,
    pushed: broadcast::Sender<Value>,
}

impl HttpUpstream {
    /// Starts a server that follows this script.
    pub async fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    /// Starts a server at this address.
    pub async fn start_at(address: &str, script: Script) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let engine = MockServer::new(MessageRecord::Memory(Mutex::default()));
        let shared = Arc::new(Shared { engine, script: Mutex::new(script), pushed: broadcast::channel(1024).0 });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { shared, address, accepting }
    }

    /// The URL, `http://127.0.0.1:PORT/mcp`.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The server's specification for the admin API.
    pub fn spec(&self) -> Value {
        json!({ "transport": "http", "url": self.url() })
    }

    /// Replaces the script.
    pub fn set(&self, script: Script) {
        *self.shared.script.lock().expect("not poisoned") = script;
    }

    /// Sends a message on every stream that a client opened (legacy).
    pub fn push(&self, message: Value) {
        // No listener is fine.
        let _ = self.shared.pushed.send(message);
    }

    /// All messages received so far.
    pub fn messages(&self) -> Vec<ReceivedMessage> {
        self.shared.engine.record.all()
    }

    /// The received messages with an effect.
    pub fn effects(&self) -> Vec<ReceivedMessage> {
        self.messages().into_iter().filter(ReceivedMessage::is_effect).collect()
    }
}

impl Drop for HttpUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        open.spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(Arc::clone(&shared), request));
            // A client may close the connection in the middle.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    match *request.method() {
        Method::POST => Ok(post(shared, request).await),
        Method::GET => Ok(stream(shared.pushed.subscribe())),
        Method::DELETE => Ok(whole(200, "text/plain", Vec::new())),
        _ => Ok(whole(405, "text/plain", Vec::new())),
    }
}

async fn post(shared: Arc<Shared>, request: Request<Incoming>) -> Response<Body> {
    let headers: BTreeMap<String, String> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let Ok(body) = request.into_body().collect().await else { return whole(400, "text/plain", Vec::new()) };
    let message: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    shared.engine.note(&message, headers.clone());
    if message.get("method").is_none() || message.get("id").is_none() {
        return whole(202, "text/plain", Vec::new());
    }
    let script = shared.script.lock().expect("not poisoned").clone();
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        let wire = Channel(sender.clone());
        if let Departure::Transport(act) = shared.engine.answer(&script, &message, &json!(headers), &wire).await {
            let _ = sender.send(Emitted::Act(act)).await;
        }
    });
    respond(receiver).await
}

/// An item that the mock server sent.
enum Emitted {
    Line(Vec<u8>),
    Die(Vec<u8>),
    Act(MockAction),
}

struct Channel(mpsc::Sender<Emitted>);

impl MessageSink for Channel {
    fn line<'a>(&'a self, bytes: &'a [u8]) -> Sending<'a> {
        Box::pin(async move {
            let _ = self.0.send(Emitted::Line(bytes.to_vec())).await;
        })
    }

    fn die<'a>(&'a self, bytes: &'a [u8]) -> Sending<'a> {
        Box::pin(async move {
            let _ = self.0.send(Emitted::Die(half(bytes).to_vec())).await;
        })
    }
}

/// Sends one message as a JSON body, and several as an event stream.
async fn respond(mut said: mpsc::Receiver<Emitted>) -> Response<Body> {
    let Some(first) = said.recv().await else { return std::future::pending().await };
    let first = match first {
        Emitted::Act(act) => return transport(act),
        Emitted::Die(bytes) => return streamed("application/json", vec![Ok(bytes), Err("gone")], None),
        Emitted::Line(line) => line,
    };
    let is_answer = serde_json::from_slice::<Value>(&first).map_or(true, |message| message.get("method").is_none());
    if is_answer {
        return match said.recv().await {
            None => whole(200, "application/json", first),
            Some(Emitted::Line(next)) => {
                streamed("text/event-stream", vec![Ok(event(&first)), Ok(event(&next))], Some(said))
            }
            Some(_) => streamed("text/event-stream", vec![Ok(event(&first)), Err("gone")], None),
        };
    }
    streamed("text/event-stream", vec![Ok(event(&first))], Some(said))
}

fn transport(act: MockAction) -> Response<Body> {
    match act {
        MockAction::Bomb { coding, bytes } => bomb(coding, bytes),
        MockAction::Slow { every_ms } => slow(every_ms),
        MockAction::Endless => {
            let forever =
                futures_util::stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(b": still here\n\n"))));
            let paced = forever.then(|frame| async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                frame
            });
            build(200, "text/event-stream", BodyExt::boxed(StreamBody::new(Box::pin(paced).boxed_sync())))
        }
        MockAction::Redirect { status, to } => {
            let mut response = whole(status, "text/plain", Vec::new());
            response.headers_mut().insert("location", to.parse().expect("a location"));
            response
        }
        MockAction::Status { status, body } => whole(status, "text/plain", body.into_bytes()),
        act => panic!("{act:?} needs stdio"),
    }
}

fn bomb(coding: Coding, bytes: usize) -> Response<Body> {
    let zeros = BufReader::new(tokio::io::repeat(b' ').take(u64::try_from(bytes).expect("a size")));
    let (name, reader): (_, Box<dyn AsyncRead + Send + Sync + Unpin>) = match coding {
        Coding::Gzip => ("gzip", Box::new(GzipEncoder::new(zeros))),
        Coding::Br => ("br", Box::new(BrotliEncoder::with_quality(zeros, async_compression::Level::Fastest))),
        Coding::Zstd => ("zstd", Box::new(ZstdEncoder::new(zeros))),
    };
    let chunks = futures_util::stream::unfold(reader, |mut reader| async {
        let mut chunk = vec![0; 16 * 1024];
        let read = reader.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        chunk.resize(read, 0);
        Some((Ok(Frame::data(Bytes::from(chunk))), reader))
    });
    let mut response = build(200, "application/json", BodyExt::boxed(StreamBody::new(chunks.boxed_sync())));
    response.headers_mut().insert("content-encoding", name.parse().expect("a coding"));
    response
}

fn slow(every_ms: u64) -> Response<Body> {
    let text = r#"{"jsonrpc":"2.0","id":0,"result":{"content":[]}}"#.bytes().cycle();
    let drops = futures_util::stream::iter(text).then(move |byte| async move {
        tokio::time::sleep(Duration::from_millis(every_ms)).await;
        Ok(Frame::data(Bytes::from(vec![byte])))
    });
    build(200, "application/json", BodyExt::boxed(StreamBody::new(drops.boxed_sync())))
}

/// A stream of the pushed messages.
fn stream(pushed: broadcast::Receiver<Value>) -> Response<Body> {
    let events = futures_util::stream::unfold(pushed, |mut pushed| async {
        let message = pushed.recv().await.ok()?;
        Some((Ok(Frame::data(Bytes::from(event(message.to_string().as_bytes())))), pushed))
    });
    build(200, "text/event-stream", BodyExt::boxed(StreamBody::new(events.boxed_sync())))
}

fn streamed(
    kind: &str,
    first: Vec<Result<Vec<u8>, &'static str>>,
    rest: Option<mpsc::Receiver<Emitted>>,
) -> Response<Body> {
    let first = first.into_iter().map(|chunk| match chunk {
        Ok(bytes) => Ok(Frame::data(Bytes::from(bytes))),
        Err(why) => Err(std::io::Error::other(why)),
    });
    let rest = futures_util::stream::unfold(rest, |rest| async {
        let mut rest = rest?;
        let frame = match rest.recv().await? {
            Emitted::Line(line) => Ok(Frame::data(Bytes::from(event(&line)))),
            Emitted::Die(_) | Emitted::Act(_) => Err(std::io::Error::other("gone")),
        };
        Some((frame, Some(rest)))
    });
    let body = BodyExt::boxed(StreamBody::new(futures_util::stream::iter(first).chain(rest).boxed_sync()));
    build(200, kind, body)
}

fn event(line: &[u8]) -> Vec<u8> {
    [b"event: message\ndata: ", line, b"\n\n"].concat()
}

fn whole(status: u16, kind: &str, bytes: Vec<u8>) -> Response<Body> {
    build(status, kind, Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed())
}

fn build(status: u16, kind: &str, body: Body) -> Response<Body> {
    Response::builder().status(status).header("content-type", kind).body(body).expect("a response")
}

/// `Stream::boxed` with `Sync`, as hyper's boxed bodies require.
trait BoxedSync: futures_util::Stream + Sized {
    fn boxed_sync<'a>(self) -> std::pin::Pin<Box<dyn futures_util::Stream<Item = Self::Item> + Send + Sync + 'a>>
    where
        Self: Send + Sync + 'a,
    {
        Box::pin(self)
    }
}

impl<S: futures_util::Stream> BoxedSync for S {}
