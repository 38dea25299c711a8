//! `kms.html` and its policy. The page has one script and one style, each pinned by digest.

use super::digest::Digest;
use super::hosts::Hosts;

/// Returns the page for a module with this digest.
pub fn html(module: &Digest, style: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Briefcase key enclave</title>\n<style>{style}</style>\n\
         <script type=\"module\" src=\"artifacts/kms-{}.mjs\" integrity=\"{}\" crossorigin=\"anonymous\"></script>\n\
         </head>\n<body></body>\n</html>\n",
        module.hex(),
        module.integrity(),
    )
}

/// The page's permissions: the one module, and a worker from its own text. No network, no form navigation, no base.
pub fn policy(module: &Digest, style: &str, hosts: &Hosts) -> String {
    [
        "default-src 'none'".to_owned(),
        format!("script-src '{}' 'wasm-unsafe-eval'", module.integrity()),
        format!("style-src '{}'", Digest::of(style.as_bytes()).integrity()),
        "worker-src blob:".to_owned(),
        "connect-src 'none'".to_owned(),
        "base-uri 'none'".to_owned(),
        "form-action 'none'".to_owned(),
        format!("frame-ancestors {}", hosts.listed()),
        "require-trusted-types-for 'script'".to_owned(),
        "trusted-types enclave-worker".to_owned(),
    ]
    .join("; ")
}
