//! Resolves a name once, to vetted addresses.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
};

use url::Host;

use crate::{AddressPolicy, EgressError, EgressTarget, target::is_localhost};

/// The future result of a resolver.
pub type ResolveFuture<'a> = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Resolves names to addresses.
pub trait Resolver: Send + Sync {
    /// Returns all addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> ResolveFuture<'a>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> ResolveFuture<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// The target's addresses, if the policy allows all of them; else an error.
pub(crate) async fn vetted(target: &EgressTarget, resolver: &dyn Resolver) -> Result<Vec<SocketAddr>, EgressError> {
    let addresses = match target.host() {
        Some(Host::Ipv4(four)) => vec![IpAddr::V4(four)],
        Some(Host::Ipv6(six)) => vec![IpAddr::V6(six)],
        Some(Host::Domain(name)) if is_localhost(name) => {
            vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
        }
        Some(Host::Domain(name)) => {
            resolver.resolve(name).await.map_err(|error| EgressError::Unresolved(error.to_string()))?
        }
        None => Vec::new(),
    };
    vet(&addresses, target.address_policy(), target.port())
}

/// One forbidden address rejects them all: a name that mixes both kinds is an attack.
fn vet(addresses: &[IpAddr], policy: AddressPolicy, port: u16) -> Result<Vec<SocketAddr>, EgressError> {
    if let Some(outside) = addresses.iter().find(|address| !policy.admits(**address)) {
        return Err(EgressError::Forbidden(*outside));
    }
    if addresses.is_empty() {
        return Err(EgressError::Unresolved("the name has no address".into()));
    }
    Ok(addresses.iter().take(8).map(|address| SocketAddr::new(*address, port)).collect())
}
