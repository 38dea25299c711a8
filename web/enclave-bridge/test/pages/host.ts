// The host page of the cases. The cases use it through `host`, with plain data.

import { EnclaveError } from "../../../protocol/src/index.ts";
import { checkAudit } from "../../src/audit.ts";
import { Refused } from "../../src/refused.ts";
import { defineEnclaveStatus, type EnclaveStatus } from "../../src/status/element.ts";
import { double } from "../world/double.ts";
import { Enclave, type EnclaveOptions, METHODS_FOR_TESTS } from "./bridge.ts";

// The shadow root is closed; this page stores it for the tests.
const roots: { root: ShadowRoot; mode: string }[] = [];
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (init) {
  const root = attach.call(this, { ...init, mode: "open" });
  roots.push({ root, mode: init.mode });
  return root;
};
defineEnclaveStatus();

const states: string[] = [];
let enclave: Enclave | undefined;
let begun: Promise<unknown> | undefined;
let settled = false;

function plain(thrown: unknown) {
  if (thrown instanceof Refused) {
    return { refused: { layer: thrown.layer, code: thrown.code, message: thrown.message, next: thrown.next } };
  }
  if (thrown instanceof EnclaveError) return { error: thrown.body() };
  return { thrown: String(thrown) };
}

const told = (promise: Promise<unknown>) => promise.then(ok => ({ ok: ok ?? null }), plain);

function shot() {
  const at = enclave?.snapshot;
  if (at === undefined) return null;
  return {
    ...at,
    refused: at.refused && plain(at.refused).refused,
    notice: at.notice && plain(at.notice).refused,
    states,
  };
}

const options = (given: { url: string; policy?: string; pin?: string; timeout?: number }): EnclaveOptions => {
  const { url, policy, pin, timeout = 8000 } = given;
  return pin === undefined ? { url, timeout, policy: policy ?? "", verifier: double } : { url, timeout, pin };
};

function prepare(given: Parameters<typeof options>[0]): Enclave {
  enclave?.close();
  states.length = 0;
  const made = Enclave.create(options(given));
  enclave = made;
  made.addEventListener("change", () => states.push(made.snapshot.state));
  const element = document.querySelector<EnclaveStatus>("briefcase-enclave-status");
  if (element !== null) element.enclave = made;
  return made;
}

async function flow() {
  if (enclave === undefined) throw new Error("nothing is open");
  const { kid, publicKey } = await enclave.calls.generate({ alg: "ES256", purpose: "signing" });
  const bytes = new TextEncoder().encode("to sign").buffer;
  const { signature } = await enclave.calls.sign({ kid, bytes });
  const { valid } = await enclave.calls.verify({ publicKey, bytes, signature });
  return { valid, kept: bytes.byteLength, chain: await checkAudit(await enclave.calls.audit({})) };
}

/** Calls every method with empty parameters. */
async function everything() {
  const made = enclave;
  if (made === undefined) throw new Error("nothing is open");
  const asked = METHODS_FOR_TESTS.map(async method => {
    const [first = "", second] = method.split(".");
    const group = made.calls as unknown as Record<string, unknown>;
    const call = second === undefined ? group[first] : (group[first] as Record<string, unknown>)[second];
    return { method, answer: await told((call as (params: object) => Promise<unknown>)({})) };
  });
  return Promise.all(asked);
}

/** Embeds a foreign frame that sends a ready message, and sends one from this window. */
async function stranger(url: string) {
  const frame = document.createElement("iframe");
  frame.src = url;
  document.body.append(frame);
  await new Promise(resolve => frame.addEventListener("load", resolve, { once: true }));
  window.postMessage({ briefcase: "ready", schema: 1 }, "*");
}

function given(): Promise<number> {
  const frame = document.querySelector<HTMLIFrameElement>("body > iframe");
  return new Promise(resolve => {
    addEventListener("message", event => {
      const { given: count } = Object(event.data);
      if (event.source === frame?.contentWindow && typeof count === "number") resolve(count);
    });
    frame?.contentWindow?.postMessage("given?", "*");
  });
}

const within = (selector: string) => roots.at(-1)?.root.querySelector<HTMLElement>(selector) ?? null;

const labelled = (label: string) =>
  [...(roots.at(-1)?.root.querySelectorAll<HTMLElement>("button, a") ?? [])].find(
    element => element.textContent === label && !element.hidden,
  );

const host = {
  shot,
  flow: () => told(flow()),
  open: async (wanted: Parameters<typeof options>[0]) => ({
    ...(await told(
      prepare(wanted)
        .open()
        .then(() => null),
    )),
    shot: shot(),
  }),
  /** Opens twice at once, or opens and closes at once. */
  hasty: async (wanted: Parameters<typeof options>[0], then: "open" | "close") => {
    const made = prepare(wanted);
    const first = told(made.open().then(() => null));
    const second = await told(Promise.resolve(made[then]()).then(() => null));
    return { first: await first, second, shot: shot() };
  },
  prepare: (wanted: Parameters<typeof options>[0]) => void prepare(wanted),
  verify: () => told((enclave as Enclave).verify().then(() => null)),
  everything,
  stranger,
  given,
  begin: (method: "revoke" | "reset", params: object) => {
    settled = false;
    begun = told((enclave as Enclave).call(method, params as never));
    void begun.then(() => {
      settled = true;
    });
  },
  begun: () => begun,
  settled: () => settled,
  call: (method: "status" | "version" | "list", wait?: number) =>
    told((enclave as Enclave).call(method, {}, wait === undefined ? {} : { timeout: wait })),
  generate: async () => (await (enclave as Enclave).calls.generate({ alg: "ES256", purpose: "signing" })).kid,
  cancelled: () => told((enclave as Enclave).calls.status({}, { signal: AbortSignal.abort() })),
  dialog: () => document.querySelector("dialog")?.open ?? null,
  frames: () => document.querySelectorAll("dialog iframe").length,
  attribute: (name: string) => document.querySelector("dialog iframe")?.getAttribute(name) ?? null,
  mode: () => roots.at(-1)?.mode,
  text: () => within("section")?.innerText ?? "",
  focused: () => roots.at(-1)?.root.activeElement?.textContent ?? "",
  focus: () => {
    const buttons = [...(roots.at(-1)?.root.querySelectorAll<HTMLElement>("button") ?? [])];
    buttons.find(button => button.offsetParent !== null)?.focus();
  },
  focusOn: (label: string) => labelled(label)?.focus(),
  press: (label: string) => labelled(label)?.click(),
  place: (label: string) => {
    const element = labelled(label);
    element?.scrollIntoView({ block: "center" });
    const box = element?.getBoundingClientRect();
    return box === undefined ? null : { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  },
  live: () => within("[role=status]")?.getAttribute("role") ?? null,
  within: (selector: string) => within(selector) !== null,
  refresh: () => void enclave?.dispatchEvent(new Event("change")),
  source: () => within("a")?.getAttribute("href"),
};
Object.assign(window, { host });
export type Host = typeof host;
