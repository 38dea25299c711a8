//! `_headers`: every header of every path, in the format of static hosts, and its reader for our own server.

/// The file's text for a page with this policy.
pub fn text(policy: &str) -> String {
    let page = [
        ("Content-Security-Policy", policy),
        ("Integrity-Policy", "blocked-destinations=(script)"),
        // Without this, Chromium runs host and enclave in one process.
        ("Origin-Agent-Cluster", "?1"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-site"),
        // Public bytes too: in a browser that cannot enforce a policy on the frame, the bridge checks the page itself.
        ("Access-Control-Allow-Origin", "*"),
        ("Permissions-Policy", PERMISSIONS),
        ("Cache-Control", "no-cache"),
        ("Content-Type", "text/html; charset=utf-8"),
    ];
    let artifact = [
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        // Public bytes: a bridge or a watcher on any origin may fetch and hash them.
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("Access-Control-Allow-Origin", "*"),
        ("Cache-Control", "public, max-age=31536000, immutable"),
        ("Content-Type", "text/javascript; charset=utf-8"),
    ];
    let known = [
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("Access-Control-Allow-Origin", "*"),
        ("Cache-Control", "no-cache"),
        ("Content-Type", "application/json"),
    ];
    [
        block("/*", &EVERYWHERE),
        block("/kms.html", &page),
        block("/artifacts/*", &artifact),
        block("/.well-known/*", &known),
    ]
    .concat()
}

const EVERYWHERE: [(&str, &str); 3] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
];

const PERMISSIONS: &str = "publickey-credentials-create=(self), publickey-credentials-get=(self), accelerometer=(), \
     autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), \
     hid=(), magnetometer=(), microphone=(), midi=(), payment=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()";

fn block(path: &str, headers: &[(&str, &str)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
    format!("{path}\n{lines}")
}

/// Returns the headers of one path by the rules of the file: every matching pattern counts, and a later one for the
/// same name wins.
pub fn of(text: &str, path: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut fits = false;
    for line in text.lines() {
        if !line.starts_with(' ') {
            fits = matches(line.trim(), path);
        } else if let Some((name, value)) = line.trim().split_once(": ").filter(|_| fits) {
            found.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

fn matches(pattern: &str, path: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == path, |start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gets_its_own_headers_and_those_of_all_paths() {
        let text = text("default-src 'none'");
        let of = |path: &str, wanted: &str| {
            super::of(&text, path).into_iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        assert_eq!(of("/kms.html", "Content-Security-Policy").as_deref(), Some("default-src 'none'"));
        assert_eq!(of("/kms.html", "Origin-Agent-Cluster").as_deref(), Some("?1"));
        assert_eq!(of("/kms.html", "X-Frame-Options"), None);
        assert_eq!(of("/kms.html", "Cross-Origin-Opener-Policy"), None);
        assert_eq!(of("/artifacts/kms-0.mjs", "Content-Security-Policy"), None);
        assert_eq!(of("/artifacts/kms-0.mjs", "Access-Control-Allow-Origin").as_deref(), Some("*"));
        for path in ["/kms.html", "/artifacts/x.mjs", "/.well-known/kms-manifest.json", "/other"] {
            assert_eq!(of(path, "X-Content-Type-Options").as_deref(), Some("nosniff"));
        }
    }
}
