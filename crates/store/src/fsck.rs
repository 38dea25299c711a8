//! fsck
use crate::*;
pub struct FsckOptions;
pub trait LedgerCheck {}
pub struct Report;
pub struct Finding;
pub fn fsck() {}
