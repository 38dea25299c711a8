//! argon2id with a lower and an upper limit on the costs that a file may state.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use briefcase_types::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{VaultError, key::VaultKey};

/// The work that one guess at a passphrase costs. Invariant: the costs are within the accepted range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost(StoredCost);

/// Costs as a file states them. They are checked again at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredCost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl KdfCost {
    /// The default: 64 MiB, 3 passes, 4 lanes, about 0.2 s.
    pub const DEFAULT: Self = Self(StoredCost { memory_kib: 64 * 1024, passes: 3, lanes: 4 });
    /// The lowest accepted costs, also in a file: 19 MiB, 2 passes, 1 lane.
    pub const FLOOR: Self = Self(StoredCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 });

    /// Checks costs that the caller chose.
    ///
    /// # Errors
    /// The costs are outside 19 MiB to 1 GiB, 2 to 10 passes, 1 to 16 lanes. Lower costs make guessing too easy; higher
    /// costs stall the daemon.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, VaultError> {
        StoredCost { memory_kib, passes, lanes }.checked().ok_or(VaultError::KdfCost)
    }

    pub(crate) const fn stored(self) -> StoredCost {
        self.0
    }
}

impl StoredCost {
    /// Returns the costs if they are within the accepted range.
    pub(crate) fn checked(self) -> Option<KdfCost> {
        let accepted = (19 * 1024..=1024 * 1024).contains(&self.memory_kib)
            && (2..=10).contains(&self.passes)
            && (1..=16).contains(&self.lanes);
        accepted.then_some(KdfCost(self))
    }

    pub(crate) fn framed(self) -> Vec<u8> {
        [self.memory_kib, self.passes, self.lanes].iter().flat_map(|cost| cost.to_be_bytes()).collect()
    }
}

/// Derives 32 bytes with argon2id (version 0x13). Blocks the thread for the time that `cost` takes, and wipes its
/// memory.
pub(crate) fn stretch(cost: KdfCost, salt: &[u8; 16], passphrase: &SecretString) -> Result<VaultKey, VaultError> {
    let StoredCost { memory_kib, passes, lanes } = cost.0;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| VaultError::KdfCost)?;
    let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed = VaultKey::filled(|out| {
        passphrase
            .expose(|text| argon.hash_password_into_with_memory(text.as_bytes(), salt, out, memory.as_mut_slice()))
    });
    hashed.map_err(|_| VaultError::KdfCost)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106, section 5.3.
    #[test]
    fn argon2id_gives_the_published_answer() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .output_len(32)
            .build()
            .unwrap();
        let mut out = [0; 32];
        Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
            .unwrap()
            .hash_password_into(&[1; 32], &[2; 16], &mut out)
            .unwrap();
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e,
            0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn costs_outside_the_range_are_rejected() {
        for (memory, passes, lanes) in [
            (19 * 1024 - 1, 2, 1),
            (19 * 1024, 1, 1),
            (19 * 1024, 2, 0),
            (u32::MAX, 2, 1),
            (19 * 1024, 11, 1),
            (19 * 1024, 2, 17),
        ] {
            assert!(KdfCost::new(memory, passes, lanes).is_err(), "{memory} {passes} {lanes}");
        }
        assert_eq!(KdfCost::new(19 * 1024, 2, 1).unwrap(), KdfCost::FLOOR);
        assert!(KdfCost::DEFAULT.stored().checked().is_some());
    }
}
