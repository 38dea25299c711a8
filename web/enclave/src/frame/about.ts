// What somebody sees who opens the enclave's address by hand.

import { element, show } from "./page.ts";

export function about(hash: string): void {
  show(
    element("h1", "Briefcase key enclave"),
    element("p", "This page keeps keys for web apps that embed it. By itself it does nothing."),
    element("p", `Its module was loaded as ${hash}.`, "hash"),
    element("p", `What it says of itself proves nothing. Check it: briefcase enclave verify ${location.origin}`),
  );
}
