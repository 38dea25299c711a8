//! The only outbound HTTP client. Other people control the servers behind its addresses.
//!
//! A person writes a server's URL, but cannot know the server behind it. Names change their addresses, responses
//! redirect, and bodies never end or unpack to a thousand times their size. This crate keeps these rules for every
//! request:
//!
//! - **one URL parser** ([`EgressTarget::parse`]): the client connects to the text that was checked;
//! - **vetted addresses**: the [`AddressPolicy`] must allow every address of a name. The connection goes to exactly
//!   those addresses, without a second look-up;
//! - **one origin per [`OriginClient`]**: a credential given to a client cannot reach another scheme, host or port. A
//!   redirect is an error ([`EgressError::Redirected`]) and is never followed;
//! - **plain bodies**: requests ask for no encoding and responses with one are rejected, so nothing is unpacked;
//! - **limits**: size, time to connect, time to respond and time between chunks;
//! - **TLS 1.2 or newer** with Mozilla's roots and those that a person added. No option disables the checks, and no
//!   proxy is read from the environment.

mod address_policy;
mod connector;
mod error;
mod origin_client;
mod resolve;
mod target;

pub use address_policy::AddressPolicy;
pub use connector::{PeerCheck, PeerCheckFuture};
pub use error::{EgressError, TargetError};
pub use origin_client::{Egress, EgressRequest, EgressResponse, EgressSettings, OriginClient, ResponseBody};
pub use resolve::{ResolveFuture, Resolver, SystemResolver};
pub use rustls::pki_types::CertificateDer;
pub use target::{EgressTarget, PathAndQuery};
