//! Scripts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Which eras a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupportedEras {
    /// `initialize` only.
    #[default]
    Legacy,
    /// `2026-07-28` only.
    Modern,
    /// Both.
    Both,
}

/// What a server offers and how it behaves.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// The eras it speaks.
    pub speaks: SupportedEras,
    /// What it calls itself.
    pub name: String,
    /// Its tools, as raw definitions.
    pub tools: Vec<Value>,
    /// Other tools from some list on.
    pub turns: Vec<ToolListChange>,
    /// Its resources.
    pub resources: Vec<Value>,
    /// Its prompts.
    pub prompts: Vec<Value>,
    /// What it does on a call of a tool; [`MockAction::Echo`] where nothing is said.
    pub calls: BTreeMap<String, MockAction>,
    /// What it does on any other method, instead of the honest thing.
    pub methods: BTreeMap<String, MockAction>,
}

/// From the `from`-th list of tools on (the first is 1), these tools.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToolListChange {
    /// Which list.
    pub from: usize,
    /// The tools from then on.
    pub tools: Vec<Value>,
}

/// How a body is compressed.
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

/// What the server does on a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum MockAction {
    /// Answers with the arguments as text.
    Echo,
    /// Answers with what came along: HTTP headers, or its own environment.
    EchoSecrets,
    /// Answers with this result.
    Result {
        /// The result.
        result: Value,
    },
    /// Answers with this error.
    Error {
        /// Its code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// Never answers.
    Hang,
    /// Ends (stdio) or hangs up (HTTP) in the middle of its answer.
    Die,
    /// Waits first.
    After {
        /// For how long.
        ms: u64,
        /// What then.
        then: Box<MockAction>,
    },
    /// Sends a notification many times first.
    Notify {
        /// How often.
        times: usize,
        /// The message; `progressToken` in its params is filled in from the request.
        message: Value,
        /// What then.
        then: Box<MockAction>,
    },
    /// Asks the client (older era), then answers with what it said.
    Ask {
        /// Such as `elicitation/create`.
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// Answers `input_required` (newer era) until the responses are there, then answers with them.
    InputRequired {
        /// The questions.
        requests: Value,
    },
    /// Answers with that many bytes of text.
    Huge {
        /// How many.
        bytes: usize,
    },
    /// Answers with a string that is not UTF-8.
    InvalidUtf8,
    /// Puts this on the wire instead of an answer: a line of stdio, or a body. `ID` stands for the request's id.
    Raw {
        /// The text.
        text: String,
    },
    /// Prints lines that are not protocol, then does something else. Stdio only.
    Noise {
        /// How many.
        lines: usize,
        /// What then.
        then: Box<MockAction>,
    },
    /// Answers twice.
    Twice,
    /// Answers to an id that nobody used.
    WrongId,
    /// Answers with a body of that many zeros, compressed. HTTP only.
    Bomb {
        /// How.
        coding: Coding,
        /// How many zeros.
        bytes: usize,
    },
    /// Answers one byte at a time. HTTP only.
    Slow {
        /// How long between bytes.
        every_ms: u64,
    },
    /// Answers with an event stream of comments that never ends. HTTP only.
    Endless,
    /// Answers with a redirect. HTTP only.
    Redirect {
        /// Its status.
        status: u16,
        /// Where to.
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
    /// A server with these tools.
    pub fn with_tools(tools: Vec<Value>) -> Self {
        Self { name: "mock".into(), tools, ..Self::default() }
    }

    /// A server with one tool that does one thing.
    pub fn one(name: &str, act: MockAction) -> Self {
        Self::with_tools(vec![tool(name)]).on(name, act)
    }

    /// On a call of `tool`, do `act`.
    #[must_use]
    pub fn on(mut self, tool: &str, act: MockAction) -> Self {
        self.calls.insert(tool.to_owned(), act);
        self
    }

    /// On `method`, do `act`.
    #[must_use]
    pub fn on_method(mut self, method: &str, act: MockAction) -> Self {
        self.methods.insert(method.to_owned(), act);
        self
    }

    /// Speak these eras.
    #[must_use]
    pub fn speaking(mut self, speaks: SupportedEras) -> Self {
        self.speaks = speaks;
        self
    }

    /// From the `from`-th list on, show these tools.
    #[must_use]
    pub fn turning(mut self, from: usize, tools: Vec<Value>) -> Self {
        self.turns.push(ToolListChange { from, tools });
        self
    }

    /// The tools that the `n`-th list shows.
    pub(super) fn tools_at(&self, n: usize) -> &[Value] {
        let turned = self.turns.iter().filter(|turn| turn.from <= n).max_by_key(|turn| turn.from);
        turned.map_or(&self.tools, |turn| &turn.tools)
    }
}

/// A plain definition of a tool that takes anything.
pub fn tool(name: &str) -> Value {
    json!({ "name": name, "description": format!("{name} of the mock"), "inputSchema": { "type": "object" } })
}
