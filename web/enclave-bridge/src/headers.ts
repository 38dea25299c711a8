// Reads `.well-known/kms-headers.txt` and takes the page's policy out of it, which becomes the frame's `csp=`.
//
// Invariant: the policy that is handed to the browser lets exactly one module run, the one whose digest was verified,
// and no network. A policy that says more is refused, even when it is signed.

import { integrity } from "./digest.ts";
import { Refused } from "./refused.ts";

const wrong = (code: string, message: string) => new Refused("headers", code, message);

/** The value of a header for a path, by the file's rules: every pattern that fits counts, the later one wins. */
export function header(file: string, path: string, name: string): string | undefined {
  let fits = false;
  let found: string | undefined;
  for (const line of file.split("\n")) {
    if (line.startsWith("/")) fits = matches(line.trim(), path);
    else if (fits && /^[ \t]/.test(line)) {
      const at = line.indexOf(":");
      if (at > 0 && line.slice(0, at).trim().toLowerCase() === name) found = line.slice(at + 1).trim();
    }
  }
  return found;
}

const matches = (pattern: string, path: string): boolean =>
  pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path;

/** What each directive has to be. `frame-ancestors` is the enclave's own list and cannot be demanded by `csp=`. */
function wanted(module: string): Readonly<Record<string, RegExp>> {
  const exactly = (text: string) => new RegExp(`^${text.replace(/[+/.]/g, "\\$&")}$`);
  return {
    "default-src": exactly("'none'"),
    "script-src": exactly(`'${integrity(module)}' 'wasm-unsafe-eval'`),
    "style-src": /^'sha256-[A-Za-z0-9+/]{43}='$/,
    "worker-src": exactly("blob:"),
    "connect-src": exactly("'none'"),
    "base-uri": exactly("'none'"),
    "form-action": exactly("'none'"),
    "frame-ancestors": /^[!-~ ]+$/,
    "require-trusted-types-for": exactly("'script'"),
    "trusted-types": /^[a-z-]+$/,
  };
}

/** The policy for `csp=`, if the headers file's policy for the page is as strict as it has to be. */
export function framePolicy(file: string, module: string): string {
  const policy = header(file, "/kms.html", "content-security-policy");
  if (policy === undefined) throw wrong("no_policy", "the headers file has no policy for the page");
  if (policy.includes(",")) throw wrong("weak_policy", "the page has more than one policy");
  const parts = policy.split(";").map(part => part.trim());
  const rules = wanted(module);
  const seen = new Set<string>();
  for (const part of parts) {
    const [name = "", value = ""] = part.split(/ (.*)/s);
    if (seen.has(name) || rules[name]?.test(value) !== true) {
      throw wrong("weak_policy", `the page's policy has ${name || "an empty directive"} as it may not be`);
    }
    seen.add(name);
  }
  const missing = Object.keys(rules).find(name => !seen.has(name));
  if (missing !== undefined) throw wrong("weak_policy", `the page's policy lacks ${missing}`);
  return parts.filter(part => !part.startsWith("frame-ancestors ")).join("; ");
}
