use super::*;

/// Spellings of addresses inside a network or on this machine.
const INSIDE: [&str; 64] = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0x7F.0.0.0x1/",
    "https://127.0.0.1./",
    "https://0/",
    "https://0.0.0.0/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://a.localhost/",
    "https://169.254.169.254/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0xa9.254.43518/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[ff02::1]/",
    "https://10.0.0.1/",
    "https://10.1/",
    "https://0xa.0.0.1/",
    "https://167772161/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://192.168.257/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://168.63.129.16/",
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://203.0.113.9/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://127\u{3002}0\u{3002}0\u{3002}1/",
    "https://127\u{ff0e}0\u{ff0e}0\u{ff0e}1/",
    "https://\u{2460}27.0.0.1/",
    "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
    "https://loc\u{ff41}lhost/",
];

#[test]
fn attack_43_no_spelling_of_an_internal_address_is_a_public_target() {
    let passed: Vec<_> =
        INSIDE.iter().filter(|text| EgressTarget::parse(text, AddressPolicy::Public).is_ok()).collect();
    assert!(passed.is_empty(), "{passed:?}");
}

#[test]
fn attack_43_text_that_parsers_read_differently_is_refused() {
    for text in [
        "https://good.example@127.0.0.1/",
        "https://a:b@good.example/",
        "https://@good.example/x@y",
        "https:\\\\good.example",
        "https://good.example\\@evil.example/",
        "https://good.\texample/",
        "https://good.example/\n",
        " https://good.example",
        "https://good.example#@evil.example",
        "https://go\u{200b}od.example/",
        "https://",
        "https:///x",
        "good.example",
        "//good.example",
        "https://[::1%25eth0]/",
        "https://1.2.3.4.5/",
        "https://256.0.0.1/",
        "https://good.example:99999/",
    ] {
        let read = EgressTarget::parse(text, AddressPolicy::Public);
        assert!(read.is_err() || read.as_ref().unwrap().url.host_str() == Some("good.example"), "{text}: {read:?}");
    }
    for text in [
        "http://good.example/",
        "ftp://good.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:,x",
        "ws://good.example",
    ] {
        assert!(EgressTarget::parse(text, AddressPolicy::Public).is_err(), "{text}");
        assert!(EgressTarget::parse(text, AddressPolicy::Private).is_err(), "{text}");
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for text in ["http://127.0.0.1:3000/mcp", "http://localhost:3000/mcp", "http://[::1]:1/", "http://api.localhost/"] {
        assert!(EgressTarget::parse(text, AddressPolicy::Loopback).is_ok(), "{text}");
        assert!(EgressTarget::parse(text, AddressPolicy::Private).is_err(), "{text}");
    }
    for text in ["http://good.example/", "https://good.example/", "http://10.0.0.1/", "http://localhost.good.example/"]
    {
        assert_eq!(
            EgressTarget::parse(text, AddressPolicy::Loopback).unwrap_err(),
            TargetError::OutOfReach("this machine only"),
            "{text}"
        );
    }
    assert!(EgressTarget::parse("https://10.0.0.1:8443/mcp", AddressPolicy::Private).is_ok());
}

#[test]
fn a_reference_to_another_origin_is_rejected() {
    let target = EgressTarget::parse("https://good.example/mcp/sse", AddressPolicy::Public).unwrap();
    assert_eq!(target.join("/messages?id=1").unwrap().0, "https://good.example/messages?id=1");
    assert_eq!(target.join("https://good.example:443/x").unwrap().0, "https://good.example/x");
    for text in [
        "//evil.example/x",
        "https://evil.example/",
        "http://good.example/",
        "https://good.example:8443/",
        "/\\evil.example",
        "https://u@good.example/",
    ] {
        assert!(target.join(text).is_err(), "{text}");
    }
}

#[test]
fn an_origin_is_written_as_browsers_write_it() {
    for (url, origin) in [
        ("https://Push.EXAMPLE:443/send/a?b", "https://push.example"),
        ("https://push.example:8443/", "https://push.example:8443"),
        ("https://b\u{fc}cher.example/x", "https://xn--bcher-kva.example"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]"),
    ] {
        assert_eq!(EgressTarget::parse(url, AddressPolicy::Public).unwrap().origin(), origin, "{url}");
    }
}
