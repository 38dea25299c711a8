use http::HeaderValue;

use super::*;

const PORT: u16 = 7780;

fn admit(target: &str, pairs: &[(&'static str, &str)]) -> Result<RequestSource, OriginRejection> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let origin_check = OriginCheck::new(([127, 0, 0, 1], PORT).into(), vec!["https://inspector.example".into()]);
    origin_check.check(&target.parse().unwrap(), &headers)
}

#[test]
fn programs_that_name_this_server_are_accepted() {
    for host in ["127.0.0.1:7780", "localhost:7780", "[::1]:7780"] {
        assert_eq!(admit("/mcp", &[("host", host)]), Ok(RequestSource::Program), "{host}");
        let own = format!("http://{host}");
        assert_eq!(admit("/mcp", &[("host", host), ("origin", &own)]), Ok(RequestSource::Program), "{own}");
    }
    let node = [("host", "127.0.0.1:7780"), ("sec-fetch-mode", "cors"), ("accept-language", "*")];
    assert_eq!(admit("/mcp", &node), Ok(RequestSource::Program));
}

#[test]
fn other_hosts_are_rejected() {
    let hosts = [
        "",
        "evil.example.com",
        "evil.example.com:7780",
        "localhost",
        "127.0.0.1",
        "localhost.evil:7780",
        "127.0.0.1.nip.io:7780",
        "localhost.:7780",
        "127.0.0.1.:7780",
        "LOCALHOST:7780",
        "Localhost:7780",
        "[::ffff:127.0.0.1]:7780",
        "[::ffff:7f00:1]:7780",
        "[0:0:0:0:0:0:0:1]:7780",
        "::1:7780",
        "0.0.0.0:7780",
        "127.1:7780",
        "2130706433:7780",
        "0x7f.1:7780",
        "127.0.0.2:7780",
        "127.0.0.1:7781",
        "127.0.0.1:07780",
        "127.0.0.1:80",
        "user@127.0.0.1:7780",
        "127.0.0.1:7780/mcp",
        "127.0.0.1:7780,evil.example",
        "http://127.0.0.1:7780",
        "127.0.0.1 :7780",
        "127.0.0.1:7780 x",
        "null",
        "*",
    ];
    for host in hosts {
        assert_eq!(admit("/mcp", &[("host", host)]), Err(OriginRejection::Host), "{host}");
    }
    assert_eq!(admit("/mcp", &[]), Err(OriginRejection::Host));
    assert_eq!(admit("/mcp", &[("host", "127.0.0.1:7780"), ("host", "127.0.0.1:7780")]), Err(OriginRejection::Host));
    let spoofed = [("host", "evil.example"), ("x-forwarded-host", "127.0.0.1:7780")];
    assert_eq!(admit("/mcp", &spoofed), Err(OriginRejection::Host));
    let absolute = admit("http://127.0.0.1:7780/mcp", &[("host", "127.0.0.1:7780")]);
    assert_eq!(absolute, Err(OriginRejection::Target));
}

#[test]
fn pages_and_proxies_are_rejected() {
    let headers = [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", ""),
        ("origin", "http://localhost:7780"),
        ("origin", "https://127.0.0.1:7780"),
        ("origin", "http://127.0.0.1:7781"),
        ("origin", "http://127.0.0.1"),
        ("origin", "http://127.0.0.1:7780.evil"),
        ("origin", "http://127.0.0.1:7780/"),
        ("origin", "HTTP://127.0.0.1:7780"),
        ("origin", "https://inspector.example.evil"),
        ("origin", "https://inspector.example:8443"),
        ("origin", "http://inspector.example"),
        ("origin", "chrome-extension://abcdef"),
        ("referer", "http://127.0.0.1:7780/"),
        ("referer", "http://evil.example/x"),
        ("cookie", "a=b"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-user", "?1"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-mode", "websocket"),
        ("sec-websocket-key", "x"),
        ("access-control-request-method", "POST"),
        ("access-control-request-private-network", "true"),
        ("forwarded", "host=evil"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
    ];
    for (name, value) in headers {
        let answer = admit("/mcp", &[("host", "127.0.0.1:7780"), (name, value)]);
        assert!(answer.is_err(), "{name}: {value}");
    }
    let twice = [("host", "127.0.0.1:7780"), ("origin", "http://127.0.0.1:7780"), ("origin", "http://evil.example")];
    assert_eq!(admit("/mcp", &twice), Err(OriginRejection::Origin));
}

#[test]
fn a_page_of_an_allowed_origin_is_accepted_without_cookies() {
    let page = [
        ("host", "127.0.0.1:7780"),
        ("origin", "https://inspector.example"),
        ("referer", "https://inspector.example/"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
    ];
    assert_eq!(admit("/mcp", &page), Ok(RequestSource::Page("https://inspector.example".into())));
    let with_cookie = [&page[..], &[("cookie", "a=b")]].concat();
    assert!(admit("/mcp", &with_cookie).is_err());
    let rebound = [("host", "evil.example:7780"), ("origin", "https://inspector.example")];
    assert_eq!(admit("/mcp", &rebound), Err(OriginRejection::Host));
}
