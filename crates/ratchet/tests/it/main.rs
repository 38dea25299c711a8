//! Sessions as their users and attackers meet them.

mod agreement;
mod attacks;
mod crash;
mod model;
mod party;
mod prekeys;
mod primitives;
mod state;
mod vectors;
