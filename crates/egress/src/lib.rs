//! The only way out: an HTTP client for addresses that other people control.
//!
//! A server's URL is written by a person, but what stands behind it is not: names change where they point, answers
//! redirect, bodies never end or unpack to a thousand times their size. This crate keeps, for every request:
//!
//! - **one URL parser** ([`Target::parse`]): the text that is checked is the text that is dialled;
//! - **vetted addresses**: every address of a name must be one the [`AddressPolicy`] admits, and the connection goes to
//!   exactly those addresses, never through a second look-up;
//! - **one origin per [`OriginClient`]**: a credential given to a client cannot reach another scheme, host or port. Redirects
//!   are answers ([`EgressError::Redirected`]), never followed;
//! - **plain bodies**: no encoding is asked for and none is accepted, so there is nothing to unpack;
//! - **ends**: of size, of time to connect, to answer and between chunks;
//! - **TLS 1.2 or newer** with Mozilla's roots (and those a person added). There is no switch that turns checks off, and no proxy is
//!   taken from the environment.

mod address_policy;
mod connector;
mod error;
mod origin_client;
mod resolve;
mod target;

pub use address_policy::AddressPolicy;
pub use error::{EgressError, TargetError};
pub use origin_client::{Egress, EgressRequest, EgressResponse, EgressSettings, OriginClient, ResponseBody};
pub use resolve::{ResolveFuture, Resolver, SystemResolver};
pub use rustls::pki_types::CertificateDer;
pub use target::{PathAndQuery, Target};
