//! Numbers that every reader understands alike: those of a double, integers up to 2^53 - 1, and no minus zero.

use serde_json::Number;

use crate::error::Reason;

/// 2^53 - 1. Above it, a double cannot represent every integer.
const SAFE: u64 = (1 << 53) - 1;

/// Reads a number from an agent. `text` follows the JSON grammar.
pub(crate) fn strict(text: &str) -> Result<Number, Reason> {
    if is_integer(text) {
        return match text.parse::<i64>() {
            Ok(0) if text.starts_with('-') => Err(Reason::NegativeZero),
            Ok(number) if number.unsigned_abs() <= SAFE => Ok(number.into()),
            _ => Err(Reason::UnsafeInteger),
        };
    }
    let double = finite(text)?;
    if double == 0.0 {
        return zero(text);
    }
    // An integer written as `1e3` must be an integer again after canonical encoding.
    let mut buffer = ryu_js::Buffer::new();
    let written = buffer.format_finite(double);
    if is_integer(written) { strict(written) } else { Number::from_f64(double).ok_or(Reason::NumberRange) }
}

/// Reads a number from an upstream server. `text` follows the JSON grammar.
pub(crate) fn relayed(text: &str) -> Result<Number, Reason> {
    if is_integer(text) && text != "-0" {
        if let Ok(number) = text.parse::<u64>() {
            return Ok(number.into());
        }
        if let Ok(number) = text.parse::<i64>() {
            return Ok(number.into());
        }
    }
    Number::from_f64(finite(text)?).ok_or(Reason::NumberRange)
}

fn is_integer(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn finite(text: &str) -> Result<f64, Reason> {
    text.parse::<f64>().ok().filter(|double| double.is_finite()).ok_or(Reason::NumberRange)
}

/// Reads a double that is zero: written as zero, or rounded to it.
fn zero(text: &str) -> Result<Number, Reason> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    if mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(Reason::NumberRange);
    }
    if text.starts_with('-') { Err(Reason::NegativeZero) } else { Ok(0.into()) }
}
