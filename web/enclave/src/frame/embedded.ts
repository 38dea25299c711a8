// The frame's life: worker, one handshake, then only confirmations.
//
// Invariant: the only message this window ever acts on is the first opening from its parent, with an origin that the
// release was built for. The listener is gone afterwards; requests go through the port, which the frame cannot hear.

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
  // Only an origin of the list can hear this; there is no wildcard.
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
  const lockName = `briefcase-life ${crypto.randomUUID()}`;
  worker.onmessage = (event: MessageEvent<ToFrame>) => {
    const message = event.data;
    if (message.kind === "ask") confirmations.add(message.id, message.ask);
    else if (message.kind === "remember") localStorage.setItem(storeKeyOf(host), message.store);
    else if (message.kind === "persist") persist();
    else void awaitEnd(lockName, worker, host);
  };
  const witness = open.storage === "disk" ? localStorage.getItem(storeKeyOf(host)) : null;
  const gesture = canDetectVisibility() ? "frame" : "window";
  send({ kind: "open", host, open, hash, witness, gesture, life: lockName }, [port]);
}

/** Asks the browser not to drop the store by itself. Whether it agreed is in `status`. */
function persist(): void {
  const { storage } = navigator as { readonly storage?: Partial<StorageManager> };
  storage?.persist?.().catch(() => false);
}

/** The lock is free when its holder is gone. Then the port is dead, and the host has to load the frame anew. */
async function awaitEnd(lockName: string, worker: Worker, host: string): Promise<void> {
  await navigator.locks.request(lockName, () => undefined);
  worker.terminate();
  window.parent.postMessage({ briefcase: "ended" }, host);
}
