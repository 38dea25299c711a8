// Verifies the bytes of `kms.html`. Browsers that do not enforce the policy run any script of the page. So the page
// itself is verified: by the digest in the manifest, or, for a pin, byte by byte.

import type { Release } from "../../release-verifier/types.ts";
import { integrity, sha256 } from "./digest.ts";
import type { Bytes } from "./fetch.ts";
import { Refused } from "./refused.ts";

const wrong = (code: string, message: string) => new Refused("page", code, message);

/** Verifies that the page belongs to one of these releases. */
export async function pageOfRelease(page: Bytes, releases: readonly Release[]): Promise<void> {
  const digest = await sha256(page);
  if (!releases.some(release => release.page === digest)) throw wrong("page", "the page belongs to no allowed release");
}

/** Verifies that the page is exactly the build's, with this module and the style that the policy names. */
export async function pageOfModule(page: Bytes, module: string, policy: string): Promise<void> {
  const text = new TextDecoder().decode(page);
  const [before, after] = pageAround(module);
  const style = text.slice(before.length, text.length - after.length);
  const named = /style-src '(sha256-[^']*)'/.exec(policy)?.[1];
  const whole = text === `${before}${style}${after}` && !style.includes("<");
  if (!whole || integrity(await sha256(new TextEncoder().encode(style))) !== named) {
    throw wrong("page_form", "the page does not belong to the pinned module");
  }
}

/** Returns the page text before and after the style; `page.rs` of the build writes the same. */
function pageAround(module: string): readonly [string, string] {
  const script = `<script type="module" src="artifacts/kms-${module}.mjs" integrity="${integrity(module)}" crossorigin="anonymous"></script>`;
  return [
    `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>Briefcase key enclave</title>\n<style>`,
    `</style>\n${script}\n</head>\n<body></body>\n</html>\n`,
  ];
}
