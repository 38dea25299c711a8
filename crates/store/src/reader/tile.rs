//! The record in the C2SP tlog-tiles layout: single files of an export, computed on request.

use briefcase_receipts::merkle::{HashReader as _, stored_index};

use super::{Reader, stored};
use crate::{StoreError, nodes::Nodes};

/// The number of hashes in a full tile, and of receipts in a full bundle.
const WIDTH: u64 = 256;

/// A path of the layout: `tile/<L>/<N>[.p/<W>]`, where `L` is `entries` for bundles.
struct Place {
    level: Option<u8>,
    number: u64,
    width: u64,
}

impl Reader {
    /// Returns the bytes at a path of the layout.
    ///
    /// # Errors
    /// [`StoreError::Absent`] for an invalid path, or one beyond the record.
    pub fn tile(&self, path: &str) -> Result<Vec<u8>, StoreError> {
        let absent = || StoreError::Absent("such tile".to_owned());
        let Place { level, number, width } = parse(path).ok_or_else(absent)?;
        let first = number.checked_mul(WIDTH).ok_or_else(absent)?;
        let end = first.checked_add(width).ok_or_else(absent)?;
        let size = self.size()?;
        let Some(level) = level else {
            if end > size {
                return Err(absent());
            }
            return self.with(|connection| {
                let receipts = stored(connection, first..end)?;
                let mut bundle = Vec::new();
                for receipt in &receipts {
                    let length =
                        u16::try_from(receipt.body.len()).map_err(|_| StoreError::damaged("a receipt is too long"))?;
                    bundle.extend_from_slice(&length.to_be_bytes());
                    bundle.extend_from_slice(&receipt.body);
                }
                Ok(bundle)
            });
        };
        let height = level.checked_mul(8).ok_or_else(absent)?;
        let complete = size.checked_shr(u32::from(height)).unwrap_or_default();
        if end > complete {
            return Err(absent());
        }
        let indexes: Vec<u64> = (first..end).map(|n| stored_index(height, n)).collect();
        self.with(|connection| {
            let hashes = Nodes::new(connection).read(&indexes)?;
            Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
        })
    }
}

fn parse(path: &str) -> Option<Place> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, digits(width)?),
        None => (rest, WIDTH),
    };
    let level = if level == "entries" { None } else { Some(u8::try_from(digits(level)?).ok()?) };
    let mut elements = number.split('/').peekable();
    let mut total: u64 = 0;
    while let Some(element) = elements.next() {
        let plain = if elements.peek().is_some() { element.strip_prefix('x')? } else { element };
        let value = digits(plain).filter(|_| plain.len() == 3)?;
        total = total.checked_mul(1000)?.checked_add(value)?;
    }
    (1..=WIDTH).contains(&width).then_some(Place { level, number: total, width })
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
