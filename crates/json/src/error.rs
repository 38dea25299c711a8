//! Why a document was refused. The message names the reason and the place, and never repeats the document, so that it
//! can be shown to an agent, a log and a terminal alike.

/// A document was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}: {}", reason.explanation())]
pub struct JsonError {
    /// Why.
    pub reason: Reason,
    /// How many bytes came before the place where reading stopped.
    pub at: usize,
}

/// The reason of a [`JsonError`]. [`Reason::as_str`] is stable: receipts and refusals carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Not JSON.
    Syntax,
    /// More text after the document.
    Trailing,
    /// Not UTF-8, or with a byte order mark.
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
    /// Half a surrogate pair.
    Surrogate,
    /// A number with too many characters.
    NumberLength,
    /// A number too large, or too close to zero, for a double.
    NumberRange,
    /// Minus zero.
    NegativeZero,
    /// An integer that a double cannot hold exactly.
    UnsafeInteger,
}

impl Reason {
    /// The stable word, such as `duplicate_key`.
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

    /// What is wrong and what to send instead, in one clause.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Syntax => "this is not JSON (RFC 8259)",
            Self::Trailing => "there is more text after the end of the document",
            Self::Encoding => "the text has to be UTF-8 without a byte order mark",
            Self::Size => "the document is too long",
            Self::Depth => "the document is nested too deeply",
            Self::Keys => "the document has too many member names",
            Self::Values => "the document has too many values",
            Self::DuplicateKey => "an object has the same member name twice; send each name once",
            Self::Surrogate => "a \\u escape is half a surrogate pair; send the whole character",
            Self::NumberLength => "the number has too many digits; send it as a string",
            Self::NumberRange => "the number is outside what a double can hold; send it as a string",
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
