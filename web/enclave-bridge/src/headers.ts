// Reads the page's policy from `.well-known/kms-headers.txt`; it becomes the frame's `csp=`.
//
// Invariant: the policy allows exactly one module, the one whose digest was verified, and no network access. A more
// permissive policy is refused, even if it is signed.

import { integrity } from "./digest.ts";
import { Refused } from "./refused.ts";

const wrong = (code: string, message: string) => new Refused("headers", code, message);

/** Returns the value of a header for a path. Every matching pattern counts; the last one wins. */
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

/** The required value of each directive. `frame-ancestors` is the enclave's own list; `csp=` cannot require it. */
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

/** Returns the policy for `csp=`, if the policy of the headers file is strict enough. */
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
      throw wrong("weak_policy", `the page's policy has an unexpected ${name || "empty directive"}`);
    }
    seen.add(name);
  }
  const missing = Object.keys(rules).find(name => !seen.has(name));
  if (missing !== undefined) throw wrong("weak_policy", `the page's policy lacks ${missing}`);
  return parts.filter(part => !part.startsWith("frame-ancestors ")).join("; ");
}
