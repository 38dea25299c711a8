// The state that a host keeps about an enclave between visits, in its own storage: the rollback state and the id of the
// key store. The enclave's server cannot reach it, so it cannot serve an older release unnoticed.

import type { Seen } from "../../release-verifier/types.ts";
import { Refused } from "./refused.ts";

/** The storage; the default is `localStorage` of the host's origin. */
export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const NOTHING: Seen = { version: 0, floor: 0, index: 0 };
const seenKey = (url: URL) => `briefcase-enclave-seen ${url.href}`;
const storeKey = (url: URL) => `briefcase-enclave-store ${url.href}`;
const unreadable = (message: string) =>
  new Refused("rollback", "memory", message, "Allow this site to store data, and verify again.");

export class HostMemory {
  constructor(
    readonly memory: Memory,
    readonly url: URL,
  ) {}

  /**
   * Returns the rollback state, all zero on a first visit. Unreadable state is refused; it does not count as a first
   * visit.
   */
  seen(): Seen {
    const text = this.#read(seenKey(this.url));
    if (text === null) return NOTHING;
    const { version, floor, index } = parsed(text);
    if (![version, floor, index].every(isCount)) throw unreadable("the stored release state of the enclave is damaged");
    return { version, floor, index } as Seen;
  }

  /** Stores the higher of the old and new values; another tab may be ahead. */
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
      throw unreadable("the release state of the enclave could not be stored");
    }
  }

  /** The store id of the last visit. */
  get store(): string | undefined {
    const id = this.#read(storeKey(this.url));
    return id !== null && /^[A-Za-z0-9_-]{22}$/.test(id) ? id : undefined;
  }

  set store(id: string) {
    try {
      this.memory.setItem(storeKey(this.url), id);
    } catch {
      // The enclave's own witness still detects a loss; this is the second check.
    }
  }

  #read(key: string): string | null {
    try {
      return this.memory.getItem(key);
    } catch {
      throw unreadable("this page cannot read its own storage");
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
