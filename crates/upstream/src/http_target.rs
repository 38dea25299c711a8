//! The URL of a registered server.

use briefcase_egress::{AddressPolicy, Target, TargetError};

/// Reads a registered URL. A loopback address means this machine; any other host has to be public.
pub fn http_target(url: &str) -> Result<Target, TargetError> {
    Target::parse(url, AddressPolicy::Loopback).or_else(|_| Target::parse(url, AddressPolicy::Public))
}
