//! Errors for rejected documents. The message names the reason and the position. It never repeats the document, so it
//! is safe for agents, logs and terminals.

/// A document was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}: {}", reason.explanation())]
pub struct JsonError {
    /// The reason.
    pub reason: Reason,
    /// The number of bytes before the position where reading stopped.
    pub at: usize,
}

/// The reason of a [`JsonError`]. The words of [`Reason::as_str`] are stable: receipts and refusals carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Not JSON.
    Syntax,
    /// Text follows the document.
    Trailing,
    /// Not UTF-8, or UTF-8 with a byte order mark.
    Encoding,
    /// Longer than allowed.
    Size,
    /// Nested deeper than allowed.
    Depth,
    /// More member names than allowed.
    Keys,
    /// More values than allowed.
    Values,
    /// One object has the same member name twice.
    DuplicateKey,
    /// A lone surrogate.
    Surrogate,
    /// A number has too many characters.
    NumberLength,
    /// A number is too large or too small for a double.
    NumberRange,
    /// Minus zero.
    NegativeZero,
    /// A double cannot represent the integer exactly.
    UnsafeInteger,
}

impl Reason {
    /// The reason's stable word, such as `duplicate_key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Trailing => "trailing",
            Self::Encoding => "encoding",
            Self::Size => "size",
            Self::Depth => "depth",
            Self::Keys => "keys",
            Self::Values => "values",
            Self::DuplicateKey => "duplicate_key",
            Self::Surrogate => "surrogate",
            Self::NumberLength => "number_length",
            Self::NumberRange => "number_range",
            Self::NegativeZero => "negative_zero",
            Self::UnsafeInteger => "unsafe_integer",
        }
    }

    /// The explanation, with the correction where there is one.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Syntax => "this is not JSON (RFC 8259)",
            Self::Trailing => "there is more text after the end of the document",
            Self::Encoding => "the text must be UTF-8 without a byte order mark",
            Self::Size => "the document is too long",
            Self::Depth => "the document is nested too deeply",
            Self::Keys => "the document has too many member names",
            Self::Values => "the document has too many values",
            Self::DuplicateKey => "an object has the same member name twice; send each name once",
            Self::Surrogate => "a \\u escape is half a surrogate pair; send the whole character",
            Self::NumberLength => "the number has too many digits; send it as a string",
            Self::NumberRange => "the number is outside the range of a double; send it as a string",
            Self::NegativeZero => "minus zero is not the same number everywhere; send 0",
            Self::UnsafeInteger => "the integer is beyond 9007199254740991 (2^53 - 1); send it as a string",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
