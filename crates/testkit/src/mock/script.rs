//! The scripts of mock servers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The eras that a server supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupportedEras {
    /// Legacy: `initialize` only.
    #[default]
    Legacy,
    /// Modern: `2026-07-28` only.
    Modern,
    /// Both eras.
    Both,
}

/// A mock server's content and behaviour.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// The supported eras.
    pub speaks: SupportedEras,
    /// The server's name in its own messages.
    pub name: String,
    /// The tools, as raw definitions.
    pub tools: Vec<Value>,
    /// Other tools from some list request on.
    pub turns: Vec<ToolListChange>,
    /// The resources.
    pub resources: Vec<Value>,
    /// The prompts.
    pub prompts: Vec<Value>,
    /// The action for a call of each tool; [`MockAction::Echo`] by default.
    pub calls: BTreeMap<String, MockAction>,
    /// The action for any other method, instead of the honest response.
    pub methods: BTreeMap<String, MockAction>,
}

/// From the `from`-th `tools/list` on (the first is 1), these tools.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToolListChange {
    /// The number of the list request.
    pub from: usize,
    /// The tools from then on.
    pub tools: Vec<Value>,
}

/// The compression of a body.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// gzip
    Gzip,
    /// brotli
    Br,
    /// zstd
    Zstd,
}

/// The server's action on a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum MockAction {
    /// Answers with the arguments as text.
    Echo,
    /// Answers with its HTTP headers, or its own environment.
    EchoSecrets,
    /// Answers with this result.
    Result {
        /// The result.
        result: Value,
    },
    /// Answers with this error.
    Error {
        /// The error's code.
        code: i64,
        /// The error's message.
        message: String,
    },
    /// Never answers.
    Hang,
    /// Ends the process (stdio) or closes the connection (HTTP) in the middle of its answer.
    Die,
    /// Waits before the next action.
    After {
        /// The delay in milliseconds.
        ms: u64,
        /// The next action.
        then: Box<MockAction>,
    },
    /// Sends a notification repeatedly before the next action.
    Notify {
        /// The number of repetitions.
        times: usize,
        /// The message. `progressToken` in its params is filled in from the request.
        message: Value,
        /// The next action.
        then: Box<MockAction>,
    },
    /// Sends a request to the client (legacy), then answers with the response.
    Ask {
        /// The method, such as `elicitation/create`.
        method: String,
        /// The parameters.
        params: Value,
    },
    /// Answers `input_required` (modern) until the responses are present, then answers with them.
    InputRequired {
        /// The requests.
        requests: Value,
    },
    /// Answers with that many bytes of text.
    Huge {
        /// The number of bytes.
        bytes: usize,
    },
    /// Answers with a string that is not UTF-8.
    InvalidUtf8,
    /// Sends this text instead of an answer: a line on stdio, or a body. `ID` is replaced by the request's id.
    Raw {
        /// The text.
        text: String,
    },
    /// Prints lines outside of the protocol before the next action. Stdio only.
    Noise {
        /// The number of lines.
        lines: usize,
        /// The next action.
        then: Box<MockAction>,
    },
    /// Answers twice.
    Twice,
    /// Answers with an unknown id.
    WrongId,
    /// Answers with a compressed body of zeros. HTTP only.
    Bomb {
        /// The compression.
        coding: Coding,
        /// The number of zeros.
        bytes: usize,
    },
    /// Answers one byte at a time. HTTP only.
    Slow {
        /// The delay between bytes.
        every_ms: u64,
    },
    /// Answers with an event stream of comments that never ends. HTTP only.
    Endless,
    /// Answers with a redirect. HTTP only.
    Redirect {
        /// The redirect's status.
        status: u16,
        /// The destination.
        to: String,
    },
    /// Answers with a bare status. HTTP only.
    Status {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
}

impl Script {
    /// Makes a server with these tools.
    pub fn with_tools(tools: Vec<Value>) -> Self {
        Self { name: "mock".into(), tools, ..Self::default() }
    }

    /// Makes a server with one tool and its action.
    pub fn one(name: &str, act: MockAction) -> Self {
        Self::with_tools(vec![tool(name)]).on(name, act)
    }

    /// Sets the action for calls of `tool`.
    #[must_use]
    pub fn on(mut self, tool: &str, act: MockAction) -> Self {
        self.calls.insert(tool.to_owned(), act);
        self
    }

    /// Sets the action for `method`.
    #[must_use]
    pub fn on_method(mut self, method: &str, act: MockAction) -> Self {
        self.methods.insert(method.to_owned(), act);
        self
    }

    /// Sets the supported eras.
    #[must_use]
    pub fn speaking(mut self, speaks: SupportedEras) -> Self {
        self.speaks = speaks;
        self
    }

    /// Shows these tools from the `from`-th list on.
    #[must_use]
    pub fn turning(mut self, from: usize, tools: Vec<Value>) -> Self {
        self.turns.push(ToolListChange { from, tools });
        self
    }

    /// The tools in the `n`-th list.
    pub(super) fn tools_at(&self, n: usize) -> &[Value] {
        let turned = self.turns.iter().filter(|turn| turn.from <= n).max_by_key(|turn| turn.from);
        turned.map_or(&self.tools, |turn| &turn.tools)
    }
}

/// A plain tool definition that accepts any object.
pub fn tool(name: &str) -> Value {
    json!({ "name": name, "description": format!("{name} of the mock"), "inputSchema": { "type": "object" } })
}
