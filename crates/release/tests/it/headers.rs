//! Security headers must be sent as the file says.

use briefcase_release::HeadersFile;

const FILE: &str = "# ours\n/*\n  X-Content-Type-Options: nosniff\n\n/kms.html\n  Content-Security-Policy: default-src 'none'; script-src 'sha256-x'\n  Content-Type: text/html; charset=utf-8\n/artifacts/*\n  Content-Type: text/javascript\n  Access-Control-Allow-Origin: *\n";

fn check(path: &str, sent: &[(&str, &str)]) -> Result<(), String> {
    let headers = HeadersFile::parse(FILE.as_bytes()).unwrap();
    headers.check(path, sent.iter().copied()).map_err(|error| error.to_string())
}

const PAGE: [(&str, &str); 3] = [
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; script-src 'sha256-x'"),
    ("Content-Type", "text/html; charset=utf-8"),
];

#[test]
fn a_path_gets_every_rule_that_fits_it() {
    let headers = HeadersFile::parse(FILE.as_bytes()).unwrap();
    let names = |path| headers.of(path).into_keys().collect::<Vec<_>>();
    assert_eq!(names("/kms.html"), ["content-security-policy", "content-type", "x-content-type-options"]);
    assert_eq!(
        names("/artifacts/kms-0.mjs"),
        ["access-control-allow-origin", "content-type", "x-content-type-options"]
    );
    assert_eq!(names("/other"), ["x-content-type-options"]);
}

#[test]
fn security_headers_are_sent_exactly() {
    assert_eq!(check("/kms.html", &PAGE), Ok(()));
    let with = |extra: (&'static str, &'static str)| check("/kms.html", &[&PAGE[..], &[extra]].concat());
    assert_eq!(with(("Date", "today")), Ok(()));
    assert_eq!(with(("cf-ray", "1")), Ok(()));
    for (name, why) in [
        ("Set-Cookie", "it must be absent"),
        ("Access-Control-Allow-Origin", "it must be absent"),
        ("X-Frame-Options", "it must be absent"),
        ("Content-Security-Policy-Report-Only", "it must be absent"),
        ("Link", "it must be absent"),
        ("CONTENT-SECURITY-POLICY", "it was sent more than once"),
    ] {
        assert!(with((name, "x")).unwrap_err().ends_with(why), "{name}");
    }
    assert!(check("/kms.html", &PAGE[1..]).unwrap_err().contains("x-content-type-options: it is missing"));
    let mut lax = PAGE;
    lax[1].1 = "default-src 'none'; script-src 'sha256-x' 'unsafe-inline'";
    assert!(check("/kms.html", &lax).unwrap_err().contains("it has another value"));
}

#[test]
fn a_malformed_file_is_an_error_with_its_line() {
    for (bad, line) in
        [("  X: y\n", 1), ("/a\nX: y\n", 2), ("/a\n  X\n", 2), ("/a\n  X: y\n  x: z\n", 3), ("kms.html\n", 1)]
    {
        let error = HeadersFile::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            ("headers_malformed", format!("the headers file is invalid in line {line}"))
        );
    }
}
