//! Money as integers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::serde_text::serde_as_text;

/// A currency or asset code: 3 to 8 of `A-Z 0-9`, starting with a letter, such as `USD` or `USDC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 8]);

/// An amount in millionths of a currency unit (`1_500_000` micro-USD is 1.50 USD). Never negative, never a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Millionths of a unit.
    pub micros: u64,
    /// The currency.
    pub currency: Currency,
}

/// The text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// The text has no valid currency code.
    #[error("a currency is 3 to 8 capital letters or digits, such as USD")]
    Currency,
    /// The text is not a decimal amount with at most six places.
    #[error("an amount is written like `1.50 USD`: digits, at most six decimals, a currency")]
    Amount,
}

impl Money {
    /// Adds an amount of the same currency; `None` on another currency or overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let micros = self.micros.checked_add(other.micros)?;
        (self.currency == other.currency).then_some(Self { micros, ..self })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take_while(|byte| **byte != 0).try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let valid = (3..=8).contains(&bytes.len())
            && bytes.first().is_some_and(u8::is_ascii_uppercase)
            && bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !valid {
            return Err(MoneyError::Currency);
        }
        let mut code = [0; 8];
        code.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(Self(code))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, rest) = (self.micros / 1_000_000, self.micros % 1_000_000);
        let decimals = format!("{rest:06}");
        let trimmed = decimals.trim_end_matches('0');
        match trimmed.len() {
            0 => write!(f, "{units}.00 {}", self.currency),
            1 => write!(f, "{units}.{trimmed}0 {}", self.currency),
            _ => write!(f, "{units}.{trimmed} {}", self.currency),
        }
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (amount, currency) = text.trim().split_once(' ').ok_or(MoneyError::Amount)?;
        let (units, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(units) || !digits(decimals) || decimals.len() > 6 {
            return Err(MoneyError::Amount);
        }
        let whole: u64 = units.parse().map_err(|_| MoneyError::Amount)?;
        let rest: u64 = format!("{decimals:0<6}").parse().map_err(|_| MoneyError::Amount)?;
        let micros =
            whole.checked_mul(1_000_000).and_then(|value| value.checked_add(rest)).ok_or(MoneyError::Amount)?;
        Ok(Self { micros, currency: currency.trim().parse()? })
    }
}

serde_as_text!(Currency);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_and_prints_exactly() {
        for (text, micros) in [("1.50 USD", 1_500_000), ("0.000001 USDC", 1), ("12.00 EUR", 12_000_000)] {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.micros, money.to_string().as_str()), (micros, text));
        }
        for bad in ["1,50 USD", "-1 USD", "1e3 USD", "1.0000001 USD", "1", "1 usd", "99999999999999999999 USD"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }
}
