// The page for a person who opens the enclave's address directly.

import { element, show } from "./page.ts";

export function about(hash: string): void {
  show(
    element("h1", "Briefcase key enclave"),
    element("p", "This page stores keys for web apps that embed it. On its own it does nothing."),
    element("p", `Its module was loaded as ${hash}.`, "hash"),
    element("p", `This page cannot prove its own integrity. Verify it: briefcase enclave verify ${location.origin}`),
  );
}
