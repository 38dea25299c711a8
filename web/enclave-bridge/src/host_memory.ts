// What a host remembers of an enclave between visits, in its own storage: how far releases had come, and which store of
// keys was there. The enclave's server cannot reach it, so it cannot be talked into an older release.

import type { Seen } from "../../release-verifier/types.ts";
import { Refused } from "./refused.ts";

/** Where it is kept; `localStorage` of the host's origin when nothing else is given. */
export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const NOTHING: Seen = { version: 0, floor: 0, index: 0 };
const seenKey = (url: URL) => `briefcase-enclave-seen ${url.href}`;
const storeKey = (url: URL) => `briefcase-enclave-store ${url.href}`;
const unreadable = (message: string) =>
  new Refused("rollback", "memory", message, "Allow this site to keep data, and verify again.");

export class HostMemory {
  constructor(
    readonly memory: Memory,
    readonly url: URL,
  ) {}

  /** What was seen; nothing on a first visit. What is there and cannot be read is refused, not taken for a first visit. */
  seen(): Seen {
    const text = this.#read(seenKey(this.url));
    if (text === null) return NOTHING;
    const { version, floor, index } = parsed(text);
    if (![version, floor, index].every(isCount)) throw unreadable("what this page remembers of the enclave is damaged");
    return { version, floor, index } as Seen;
  }

  /** Keeps the higher of what is there and what came; another tab may have come further. */
  advance(to: Seen): void {
    const at = this.seen();
    const most = {
      version: Math.max(at.version, to.version),
      floor: Math.max(at.floor, to.floor),
      index: Math.max(at.index, to.index),
    };
    try {
      this.memory.setItem(seenKey(this.url), JSON.stringify(most));
    } catch {
      throw unreadable("this page cannot remember how far the enclave's releases had come");
    }
  }

  /** The store of keys that was there the last time. */
  get store(): string | undefined {
    const id = this.#read(storeKey(this.url));
    return id !== null && /^[A-Za-z0-9_-]{22}$/.test(id) ? id : undefined;
  }

  set store(id: string) {
    try {
      this.memory.setItem(storeKey(this.url), id);
    } catch {
      // The enclave's own witness still notices a loss; this one is the second.
    }
  }

  #read(key: string): string | null {
    try {
      return this.memory.getItem(key);
    } catch {
      throw unreadable("this page may not read its own storage");
    }
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
