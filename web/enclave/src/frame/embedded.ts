// The embedded frame: it starts the worker, performs one handshake, then only shows confirmations.
//
// Invariant: this window acts on one message only, the first open message from its parent with an origin of the
// release. The listener is then removed. Requests go through the port, which the frame cannot read.

import { type Open, readOpen, SCHEMA } from "../../../protocol/src/index.ts";
import type { ToFrame, ToWorker } from "../frame_messages.ts";
import { ConfirmationQueue } from "./confirmation/confirmation_queue.ts";
import { canDetectVisibility } from "./confirmation/visibility.ts";
import { startWorker } from "./worker.ts";

const storeKeyOf = (host: string) => `briefcase-store ${host}`;

export function embedded(hash: string): void {
  const worker = startWorker();
  const opened = (event: MessageEvent<unknown>): void => {
    if (event.source !== window.parent || !ENCLAVE_HOSTS.includes(event.origin)) return;
    const [port, more] = event.ports;
    const open = read(event.data);
    if (open === undefined || port === undefined || more !== undefined) return;
    window.removeEventListener("message", opened);
    serve(worker, { hash, host: event.origin, open }, port);
  };
  window.addEventListener("message", opened);
  // Only origins of the list receive this; there is no wildcard.
  for (const host of ENCLAVE_HOSTS) window.parent.postMessage({ briefcase: "ready", schema: SCHEMA }, host);
}

function read(data: unknown): Open | undefined {
  try {
    return readOpen(data);
  } catch {
    return undefined;
  }
}

interface Opened {
  readonly hash: string;
  readonly host: string;
  readonly open: Open;
}

function serve(worker: Worker, { hash, host, open }: Opened, port: MessagePort): void {
  const send = (message: ToWorker, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);
  const confirmations = new ConfirmationQueue(host, send);
  const lockName = `briefcase-worker ${crypto.randomUUID()}`;
  worker.onmessage = (event: MessageEvent<ToFrame>) => {
    const message = event.data;
    if (message.kind === "ask") confirmations.add(message.id, message.ask);
    else if (message.kind === "remember") localStorage.setItem(storeKeyOf(host), message.store);
    else if (message.kind === "persist") persist();
    else void awaitEnd(lockName, worker, host);
  };
  const witness = open.storage === "disk" ? localStorage.getItem(storeKeyOf(host)) : null;
  const gesture = canDetectVisibility() ? "frame" : "window";
  send({ kind: "open", host, open, hash, witness, gesture, lockName }, [port]);
}

/** Asks the browser for persistent storage. `status` reports the result. */
function persist(): void {
  const { storage } = navigator as { readonly storage?: Partial<StorageManager> };
  storage?.persist?.().catch(() => false);
}

/**
 * Waits for the worker's lock, which is free once the worker is gone. Then the port is dead, and the host must reload
 * the frame.
 */
async function awaitEnd(lockName: string, worker: Worker, host: string): Promise<void> {
  await navigator.locks.request(lockName, () => undefined);
  worker.terminate();
  window.parent.postMessage({ briefcase: "ended" }, host);
}
