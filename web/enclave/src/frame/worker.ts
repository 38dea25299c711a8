// Starts the worker from the source inside this module: a separate worker file would have no integrity check.

import source from "enclave:worker";

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

export function startWorker(): Worker {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { trustedTypes } = window as unknown as { readonly trustedTypes?: Policies };
  // The only policy that the header allows; it accepts only the URL created above.
  const rules = { createScriptURL: (wanted: string) => (wanted === url ? wanted : "about:blank") };
  const trusted = trustedTypes?.createPolicy("enclave-worker", rules).createScriptURL(url) ?? url;
  const worker = new Worker(trusted, { type: "module", name: "briefcase-enclave" });
  worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
  return worker;
}
