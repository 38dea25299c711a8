//! The addresses that a client may connect to.
//!
//! Invariant: an address that is not clearly on the public internet is rejected, unless a person allowed its kind.
//! Cloud metadata services are always rejected: they give credentials to any caller.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that a registered server may have. The person who registers the server chooses; a server's answer
/// never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum AddressPolicy {
    /// Public addresses only.
    #[default]
    Public,
    /// This machine only (`localhost`, `127.0.0.0/8`, `::1`). Only this policy allows plain `http`.
    Loopback,
    /// Public addresses and those of private networks (RFC 1918, RFC 4193, RFC 6598).
    Private,
}

impl AddressPolicy {
    /// Whether the policy allows this address.
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        let address = plain(address);
        if is_metadata(address) {
            return false;
        }
        match self {
            Self::Public => is_global(address),
            Self::Loopback => address.is_loopback(),
            Self::Private => is_global(address) || is_private(address),
        }
    }
}

/// The effective address of a packet: IPv4 written as IPv6 (mapped, or behind the well-known NAT64 prefix) becomes
/// IPv4.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            _ => address,
        },
    }
}

/// Metadata and host services. Their addresses otherwise look private or even public.
fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            matches!(four.octets(), [169, 254, ..] | [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16])
        }
        IpAddr::V6(six) => matches!(six.segments(), [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..]),
    }
}

fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_global_v4(four),
        IpAddr::V6(six) => is_global_v6(six),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Global unicast, without tunnels to IPv4 (Teredo, 6to4) and without addresses for documentation and protocols.
fn is_global_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_private() || matches!(four.octets(), [100, 64..=127, ..]),
        IpAddr::V6(six) => six.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(policy: AddressPolicy, addresses: &[&str]) -> Vec<String> {
        addresses.iter().filter(|text| policy.admits(text.parse().unwrap())).map(ToString::to_string).collect()
    }

    #[test]
    fn public_addresses_are_public() {
        let public =
            ["1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "192.0.1.1", "2606:4700::1111", "2001:4860::8888"];
        assert_eq!(admitted(AddressPolicy::Public, &public), public);
        assert_eq!(admitted(AddressPolicy::Private, &public), public);
        assert!(admitted(AddressPolicy::Loopback, &public).is_empty());
        assert!(AddressPolicy::Public.admits("64:ff9b::101:101".parse().unwrap()), "NAT64 of a public address");
    }

    #[test]
    fn the_private_policy_adds_only_private_networks() {
        let private = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12:3456::1"];
        assert_eq!(admitted(AddressPolicy::Private, &private), private);
        assert!(admitted(AddressPolicy::Public, &private).is_empty());
        let never = [
            "127.0.0.1",
            "::1",
            "169.254.169.254",
            "100.100.100.200",
            "fd00:ec2::254",
            "fe80::1",
            "0.0.0.0",
            "224.0.0.1",
        ];
        assert!(admitted(AddressPolicy::Private, &never).is_empty());
    }

    #[test]
    fn the_loopback_policy_allows_only_this_machine() {
        let own = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"];
        assert_eq!(admitted(AddressPolicy::Loopback, &own), own);
        assert!(
            admitted(AddressPolicy::Loopback, &["10.0.0.1", "0.0.0.0", "::", "169.254.169.254", "::ffff:10.0.0.1"])
                .is_empty()
        );
    }
}
