//! The URL of a registered server.

use briefcase_egress::{AddressPolicy, EgressTarget, TargetError};

/// Reads a registered URL. A loopback address means this machine; any other host has to be public.
pub fn http_target(url: &str) -> Result<EgressTarget, TargetError> {
    EgressTarget::parse(url, AddressPolicy::Loopback).or_else(|_| EgressTarget::parse(url, AddressPolicy::Public))
}
