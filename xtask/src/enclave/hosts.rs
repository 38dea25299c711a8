//! The origins that may embed a release. They are part of the module, so another list gives another digest.

use crate::failure::Failure;

/// Origins, sorted and unique.
#[derive(Clone, Debug)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Reads `--host` arguments. A release for plain http or for this machine needs `--local`, to prevent an accidental
    /// publication.
    pub fn read(args: &[String]) -> Result<Self, Failure> {
        let local = args.iter().any(|arg| arg == "--local");
        let given = args.iter().zip(args.iter().skip(1)).filter(|(name, _)| *name == "--host").map(|(_, host)| host);
        Self::new(given.cloned().collect(), local)
    }

    /// Checks origins: scheme, host and an optional port, nothing else.
    pub fn new(mut origins: Vec<String>, local: bool) -> Result<Self, Failure> {
        origins.sort();
        origins.dedup();
        if origins.is_empty() {
            return Err(Failure::new("name the origins that may embed the enclave: --host https://app.example"));
        }
        for origin in &origins {
            let (scheme, authority) = origin.split_once("://").unwrap_or_default();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:".contains(c);
            if !["https", "http"].contains(&scheme) || authority.is_empty() || !authority.chars().all(plain) {
                return Err(Failure::new(format!("{origin} is not an origin like https://app.example")));
            }
            if !local && (scheme == "http" || authority.contains("localhost")) {
                return Err(Failure::new(format!("{origin} is for this machine only: say --local")));
            }
        }
        Ok(Self(origins))
    }

    /// The origins joined by spaces, for policy and build.
    pub fn listed(&self) -> String {
        self.0.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(origins: &[&str], local: bool) -> Result<String, String> {
        let owned = origins.iter().map(ToString::to_string).collect();
        Hosts::new(owned, local).map(|hosts| hosts.listed()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn origins_are_sorted_and_invalid_ones_refused() {
        assert_eq!(
            hosts(&["https://b.example", "https://a.example", "https://a.example"], false).unwrap(),
            "https://a.example https://b.example"
        );
        for odd in [
            "a.example",
            "https://a.example/",
            "https://*.example",
            "https://a.example; script-src *",
            "ftp://a",
            "https://",
        ] {
            assert!(hosts(&[odd], true).is_err(), "{odd}");
        }
        assert!(hosts(&[], true).is_err());
    }

    #[test]
    fn a_release_for_this_machine_needs_a_flag() {
        for local in ["http://app.example", "http://app.briefcase.localhost:1", "https://localhost"] {
            assert!(hosts(&[local], false).is_err());
            assert!(hosts(&[local], true).is_ok());
        }
    }
}
