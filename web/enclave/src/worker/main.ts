// The worker: it uses every key and enforces every rule. It talks to the frame, which shows confirmations, and through
// one port to one host.

import deflated from "enclave:core";
import { Core } from "../../../enclave-wasm/bindings.ts";
import { EnclaveError } from "../../../protocol/src/index.ts";
import { fromBase64url } from "../bytes.ts";
import type { ConfirmationRequest, ConfirmationResult, ToFrame, ToWorker } from "../frame_messages.ts";
import { BorrowedKeys } from "./borrowed_keys.ts";
import { Enclave } from "./enclave.ts";
import { HostPort } from "./port.ts";
import { route } from "./router.ts";
import { DiskStore } from "./store/disk.ts";
import { MemoryStore } from "./store/memory.ts";

interface Scope {
  postMessage(message: ToFrame): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const scope = globalThis as unknown as Scope;
const borrowedKeys = new BorrowedKeys();
const pending = new Map<number, (result: ConfirmationResult) => void>();
let next = 0;
let host: HostPort | undefined;
/** Starts loading at once, so the core is ready when the host opens the channel. */
let loaded = load();

async function inflated(): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([fromBase64url(deflated)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function load(): Promise<Core | undefined> {
  return inflated()
    .then(bytes => Core.load(bytes, borrowedKeys))
    .catch(() => undefined);
}

/** Returns the core; loads a new instance after a trap. */
async function core(): Promise<Core> {
  const current = await loaded;
  if (current !== undefined && !current.poisoned) return current;
  loaded = load();
  const again = await loaded;
  if (again === undefined) throw new EnclaveError("internal", "the core could not be loaded");
  return again;
}

function requestConfirmation(what: ConfirmationRequest): Promise<ConfirmationResult> {
  next += 1;
  scope.postMessage({ kind: "ask", id: next, ask: what });
  return new Promise(resolve => pending.set(next, resolve));
}

function resolveConfirmation(id: number, answer: ConfirmationResult): void {
  pending.get(id)?.(answer);
  pending.delete(id);
}

async function open(message: Extract<ToWorker, { kind: "open" }>): Promise<Enclave> {
  const { open: wish, witness } = message;
  const disk = wish.storage === "disk";
  const store = disk ? await DiskStore.open(message.host) : new MemoryStore();
  const context = {
    host: message.host,
    hash: message.hash,
    storage: wish.storage,
    gesture: message.gesture,
    borrowedKeys,
    core,
    confirm: requestConfirmation,
    rememberStore: (id: string) => (disk ? scope.postMessage({ kind: "remember", store: id }) : undefined),
    persist: () => (disk ? scope.postMessage({ kind: "persist" }) : undefined),
    now: () => Date.now(),
  };
  const expected = disk ? [witness, wish.store].filter(id => typeof id === "string") : [];
  return Enclave.open(context, store, expected);
}

/** Holds a lock until the worker ends. The frame waits for the lock to detect the end. */
function holdLock(name: string): Promise<void> {
  return new Promise(resolve => {
    void navigator.locks.request(name, () => {
      resolve();
      return new Promise(() => undefined);
    });
  });
}

async function begin(message: Extract<ToWorker, { kind: "open" }>, port: MessagePort | undefined): Promise<void> {
  if (host !== undefined || port === undefined) return;
  // If the store does not open, every request fails with that reason, and nothing replaces the store.
  const enclave = open(message).catch((thrown: unknown) => EnclaveError.of(thrown));
  host = new HostPort(port, async (method, params) => {
    const opened = await enclave;
    if (opened instanceof EnclaveError) throw opened;
    return route(opened, method, params);
  });
  await holdLock(message.lockName);
  scope.postMessage({ kind: "alive" });
}

scope.onmessage = event => {
  const message = event.data;
  if (message.kind === "open") void begin(message, event.ports[0]);
  else if (message.kind === "told") resolveConfirmation(message.id, message.told);
  else if (message.kind === "show") host?.send({ event: "show", width: message.width, height: message.height });
  else host?.send({ event: message.kind });
};
