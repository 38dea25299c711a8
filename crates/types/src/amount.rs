//! Amounts of assets, as integers of the asset's smallest unit.
//!
//! [`crate::Money`] is what a person writes as a price or a budget. An [`Amount`] is what a payment protocol moves: its asset
//! names a chain or ledger too, and its smallest unit is the asset's own.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most decimals that an asset may have: an amount of one whole unit still fits 128 bits.
const DECIMALS_MAX: u8 = 36;

/// An asset by its CAIP-19 identifier, such as `eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset(Box<str>);

/// An amount of an asset. Never negative, never a float.
///
/// Its text is the amount in whole units, with exactly `decimals` digits after the point, then the asset: with six decimals,
/// 1,500,000 atomic units are `1.500000 ASSET`. Invariant: an amount has one text, and the text keeps the decimals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    atomic: u128,
    asset: Asset,
    decimals: u8,
}

/// The text is not an amount or an asset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// The asset is not a CAIP-19 identifier.
    #[error("an asset is a CAIP-19 identifier, such as eip155:8453/erc20:0x8335…")]
    Asset,
    /// The amount is not a canonical decimal number, or does not fit 128 bits.
    #[error("an amount is written like `1.500000 ASSET`: digits, a point, all decimals of the asset, the asset")]
    Amount,
    /// The asset has too many decimals.
    #[error("an asset has at most 36 decimals")]
    Decimals,
}

impl Asset {
    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Amount {
    /// Makes an amount of `atomic` smallest units of an asset that has `decimals` decimals.
    ///
    /// # Errors
    /// [`AmountError::Decimals`] when there are more than 36.
    pub fn new(atomic: u128, asset: Asset, decimals: u8) -> Result<Self, AmountError> {
        if decimals > DECIMALS_MAX {
            return Err(AmountError::Decimals);
        }
        Ok(Self { atomic, asset, decimals })
    }

    /// The amount in the asset's smallest unit.
    #[must_use]
    pub const fn atomic(&self) -> u128 {
        self.atomic
    }

    /// The asset.
    #[must_use]
    pub const fn asset(&self) -> &Asset {
        &self.asset
    }

    /// The number of decimals of the asset.
    #[must_use]
    pub const fn decimals(&self) -> u8 {
        self.decimals
    }

    /// Adds an amount of the same asset. `None` for another asset, other decimals, or an overflow.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        self.with(other, u128::checked_add)
    }

    /// Subtracts an amount of the same asset. `None` for another asset, other decimals, or a negative result.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.with(other, u128::checked_sub)
    }

    fn with(&self, other: &Self, operation: impl Fn(u128, u128) -> Option<u128>) -> Option<Self> {
        let same = self.asset == other.asset && self.decimals == other.decimals;
        let atomic = operation(self.atomic, other.atomic).filter(|_| same)?;
        Some(Self { atomic, asset: self.asset.clone(), decimals: self.decimals })
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Asset {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chain, asset) = text.split_once('/').ok_or(AmountError::Asset)?;
        let (namespace, reference) = chain.split_once(':').ok_or(AmountError::Asset)?;
        let (kind, id) = asset.split_once(':').ok_or(AmountError::Asset)?;
        let lower = |byte: u8| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let word = |byte: u8| matches!(byte, b'-' | b'_') || byte.is_ascii_alphanumeric();
        let escaped = |byte: u8| matches!(byte, b'-' | b'.' | b'%') || byte.is_ascii_alphanumeric();
        let valid = part(namespace, 3, 8, lower)
            && part(reference, 1, 32, word)
            && part(kind, 3, 8, lower)
            && part(id, 1, 128, escaped);
        if valid { Ok(Self(text.into())) } else { Err(AmountError::Asset) }
    }
}

fn part(text: &str, least: usize, most: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(allowed)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::from(self.decimals);
        let digits = format!("{:0>1$}", self.atomic, width.saturating_add(1));
        let (units, fraction) = digits.split_at_checked(digits.len().saturating_sub(width)).unwrap_or((&digits, ""));
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{units}{point}{fraction} {}", self.asset)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, asset) = text.split_once(' ').ok_or(AmountError::Amount)?;
        let (units, fraction) = match number.split_once('.') {
            Some((units, fraction)) if !fraction.is_empty() => (units, fraction),
            Some(_) => return Err(AmountError::Amount),
            None => (number, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = units == "0" || !units.starts_with('0');
        if units.is_empty() || !canonical || !digits(units) || !digits(fraction) {
            return Err(AmountError::Amount);
        }
        let decimals = u8::try_from(fraction.len()).map_err(|_| AmountError::Decimals)?;
        let atomic = format!("{units}{fraction}").parse().map_err(|_| AmountError::Amount)?;
        Self::new(atomic, asset.parse()?, decimals)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USDC: &str = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
    const SATS: &str = "bip122:000000000019d6689c085ae165831e93/slip44:0";

    #[test]
    fn an_amount_has_one_text_that_keeps_its_decimals() {
        let largest = u128::MAX.to_string();
        for (number, asset, atomic, decimals) in [
            ("1.500000", USDC, 1_500_000, 6),
            ("0.000001", USDC, 1, 6),
            ("0", SATS, 0, 0),
            ("21", SATS, 21, 0),
            (largest.as_str(), SATS, u128::MAX, 0),
            ("340.282366920938463463374607431768211455", SATS, u128::MAX, 36),
        ] {
            let text = format!("{number} {asset}");
            let amount: Amount = text.parse().unwrap();
            assert_eq!((amount.atomic(), amount.decimals(), amount.asset().as_str()), (atomic, decimals, asset));
            assert_eq!(amount.to_string(), text);
            assert_eq!(serde_json::to_value(&amount).unwrap(), text);
            assert_eq!(serde_json::from_value::<Amount>(text.into()).unwrap(), amount);
        }
        for bad in
            ["01.5", "1.", ".5", "+1", "-1", "1e3", "1,5", "", "1.5.0", "340282366920938463463374607431768211456"]
        {
            assert!(format!("{bad} {SATS}").parse::<Amount>().is_err(), "{bad}");
        }
        assert_eq!(format!("0.{:0>37} {SATS}", 1).parse::<Amount>(), Err(AmountError::Decimals));
    }

    #[test]
    fn a_currency_code_is_not_an_asset_and_an_asset_is_not_a_currency() {
        for bad in
            ["USD", "usdc", "eip155:1", "eip155:1/erc20", "EIP155:1/erc20:0x0", "eip155:1/erc20:", "eip155:1/erc20:a b"]
        {
            assert_eq!(bad.parse::<Asset>(), Err(AmountError::Asset), "{bad}");
            assert!(format!("1.00 {bad}").parse::<Amount>().is_err(), "{bad}");
        }
        assert!(format!("1.00 {USDC}").parse::<crate::Money>().is_err());
    }

    #[test]
    fn arithmetic_is_checked_and_stays_within_one_asset() {
        let amount = |atomic, asset: &str, decimals| Amount::new(atomic, asset.parse().unwrap(), decimals).unwrap();
        let two = amount(2, USDC, 6);
        assert_eq!(two.checked_add(&amount(3, USDC, 6)), Some(amount(5, USDC, 6)));
        assert_eq!(two.checked_sub(&amount(2, USDC, 6)), Some(amount(0, USDC, 6)));
        assert_eq!(two.checked_sub(&amount(3, USDC, 6)), None);
        assert_eq!(two.checked_add(&amount(u128::MAX, USDC, 6)), None);
        assert_eq!(two.checked_add(&amount(1, SATS, 6)), None);
        assert_eq!(two.checked_add(&amount(1, USDC, 5)), None);
    }
}
