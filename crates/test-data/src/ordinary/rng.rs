//! Random numbers and texts from a seed.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A generator with a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

const NAMES: &[&str] = &[
    "Amara",
    "Björn",
    "Chiara",
    "Dmitri",
    "Élodie",
    "Farid",
    "Grace",
    "Hyun-woo",
    "Ingrid",
    "José",
    "Keiko",
    "Łukasz",
    "Mei",
    "Nadia",
    "Oluwaseun",
    "Priya",
    "Quentin",
    "Renée",
    "Søren",
    "Tomáš",
    "Ursula",
    "Vivek",
    "Wanjiru",
    "Ximena",
    "Yusuf",
    "Zoë",
];

const WORDS: &[&str] = &[
    "account",
    "address",
    "agent",
    "archive",
    "balance",
    "branch",
    "budget",
    "cache",
    "calendar",
    "carrier",
    "channel",
    "client",
    "cluster",
    "column",
    "commit",
    "counter",
    "customer",
    "deadline",
    "delivery",
    "device",
    "document",
    "endpoint",
    "engine",
    "error",
    "event",
    "field",
    "filter",
    "folder",
    "forecast",
    "garden",
    "gateway",
    "handler",
    "header",
    "history",
    "image",
    "index",
    "invoice",
    "item",
    "journal",
    "kernel",
    "label",
    "ledger",
    "library",
    "limit",
    "location",
    "machine",
    "manager",
    "measure",
    "meeting",
    "memory",
    "message",
    "metric",
    "module",
    "network",
    "note",
    "number",
    "object",
    "office",
    "order",
    "owner",
    "package",
    "parser",
    "payment",
    "period",
    "picture",
    "plan",
    "policy",
    "process",
    "product",
    "profile",
    "project",
    "quality",
    "query",
    "queue",
    "record",
    "region",
    "release",
    "report",
    "request",
    "result",
    "review",
    "river",
    "route",
    "schedule",
    "schema",
    "season",
    "server",
    "service",
    "session",
    "signal",
    "socket",
    "source",
    "station",
    "status",
    "storage",
    "stream",
    "summary",
    "supplier",
    "system",
    "table",
    "target",
    "team",
    "template",
    "thread",
    "ticket",
    "tool",
    "traffic",
    "update",
    "user",
    "value",
    "version",
    "village",
    "volume",
    "warehouse",
    "weather",
    "window",
    "worker",
    "zone",
];

impl Rng {
    /// Starts with this seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `from` up to and including `to`.
    pub(super) fn number(&mut self, from: u64, to: u64) -> u64 {
        let span = to.saturating_sub(from).saturating_add(1);
        from.saturating_add(self.bits().checked_rem(span).unwrap_or_default())
    }

    /// One of `items`.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        let last = u64::try_from(items.len()).unwrap_or_default().saturating_sub(1);
        let place = usize::try_from(self.number(0, last)).unwrap_or_default();
        items.get(place).copied().expect("there is something to pick from")
    }

    /// Between `from` and `to` pieces, joined by `between`.
    pub(super) fn several(&mut self, from: u64, to: u64, between: &str, piece: impl Fn(&mut Self) -> String) -> String {
        (0..self.number(from, to)).map(|_| piece(self)).collect::<Vec<_>>().join(between)
    }

    /// Hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        std::iter::repeat_with(|| char::from_digit(u32::try_from(self.number(0, 15)).unwrap_or_default(), 16))
            .flatten()
            .take(digits)
            .collect()
    }

    /// This many bytes, as base64.
    pub(super) fn base64(&mut self, bytes: usize) -> String {
        STANDARD.encode(self.bytes(bytes))
    }

    /// This many bytes.
    pub(super) fn bytes(&mut self, bytes: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.bits().to_le_bytes()).flatten().take(bytes).collect()
    }

    /// A UUID of version 4.
    pub(super) fn uuid(&mut self) -> String {
        let (a, b, c, d) = (self.hex(8), self.hex(4), self.hex(3), self.hex(3));
        format!("{a}-{b}-4{c}-{}{d}-{}", self.pick(&["8", "9", "a", "b"]), self.hex(12))
    }

    /// A word.
    pub(super) fn word(&mut self) -> &'static str {
        self.pick(WORDS)
    }

    /// A person's first name.
    pub(super) fn name(&mut self) -> &'static str {
        self.pick(NAMES)
    }

    /// A sentence of words.
    pub(super) fn sentence(&mut self) -> String {
        let words = self.several(4, 12, " ", |rng| rng.word().to_owned());
        let mut letters = words.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).chain(['.']).collect()
    }

    /// A file's path.
    pub(super) fn path(&mut self) -> String {
        let folders = self.several(1, 3, "/", |rng| rng.word().to_owned());
        let end = self.pick(&["rs", "ts", "py", "md", "json", "toml", "go", "java", "css", "yaml"]);
        format!("{folders}/{}_{}.{end}", self.word(), self.word())
    }

    /// A day, as ISO 8601.
    pub(super) fn day(&mut self) -> String {
        format!("{}-{:02}-{:02}", self.number(1998, 2039), self.number(1, 12), self.number(1, 28))
    }

    /// A time of day.
    pub(super) fn time(&mut self) -> String {
        format!("{:02}:{:02}:{:02}", self.number(0, 23), self.number(0, 59), self.number(0, 59))
    }

    /// A mail address at an example domain.
    pub(super) fn mail(&mut self) -> String {
        format!("{}.{}@{}.example", self.word(), self.word(), self.word())
    }
}
