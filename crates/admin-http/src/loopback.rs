//! Servers on this machine, whose ports any program may take.

use std::net::IpAddr;

use briefcase_policy::authority::Server;
use briefcase_types::Transport;
use url::{Host, Url};

/// Whether a server is reached through a port of this machine and gets a secret.
pub fn gets_secret(server: &Server) -> bool {
    server.transport.secrets().next().is_some() && is_loopback(&server.transport)
}

/// Whether such a server's listener was not accepted, so that any program that takes the port gets the secret.
pub fn is_unbound(server: &Server) -> bool {
    gets_secret(server) && server.settings.loopback_owner.is_none()
}

/// Whether the URL names this machine. The HTTP client reads it with the same parser.
fn is_loopback(transport: &Transport) -> bool {
    let Transport::Http { url, .. } = transport else { return false };
    let Ok(url) = Url::parse(url) else { return false };
    match url.host() {
        Some(Host::Ipv4(four)) => four.is_loopback(),
        Some(Host::Ipv6(six)) => IpAddr::V6(six).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_urls_are_recognised() {
        let http = |url: &str| Transport::Http { url: url.to_owned(), headers: Vec::new() };
        for url in [
            "http://127.0.0.1:1/",
            "http://localhost:1/x",
            "https://a.localhost/",
            "http://[::1]:1",
            "http://127.9.9.9",
            "http://127.1:1/",
            "http://0x7f.1:1/",
            "http://2130706433:1/",
        ] {
            assert!(is_loopback(&http(url)), "{url}");
        }
        for url in ["https://localhost.example/", "https://128.0.0.1", "https://a.example/127.0.0.1"] {
            assert!(!is_loopback(&http(url)), "{url}");
        }
    }
}
