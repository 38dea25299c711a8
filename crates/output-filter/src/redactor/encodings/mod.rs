//! The encodings in which a secret may come back.
//!
//! Three ways find an encoding, and each of them takes time in proportion to the text:
//!
//! | way | finds |
//! |---|---|
//! | [`forms`]: literal search for the encoded secret | plain, reversed, base85, UTF-16 |
//! | [`squeeze`]: the same search among letters and digits only | separators of any kind between characters or codes, base64, base32, base58, hex, lists of codes, look-alike letters |
//! | [`escapes`] and [`layers`]: decode a part of the text and search again | escapes, quoted-printable, layers of encodings, compressed data |

pub(super) mod escapes;
pub(super) mod forms;
pub(super) mod layers;
mod radix;
pub(super) mod squeeze;
pub(super) mod view;
