import type { Engine, EngineName } from "../engines/engine.ts";
import { Host, type Opening } from "../host.ts";
import type { Origins, World } from "../world.ts";

/** The slowest start seen in each engine, in milliseconds. */
const starts = new Map<EngineName, number>();

/** Where a case runs. */
export class Stage {
  readonly #open: Host[] = [];

  constructor(
    readonly world: World,
    readonly engine: Engine,
    readonly origins: Origins,
  ) {}

  /** A host page with an empty enclave: whatever was there is gone, as if the person had cleared this site. */
  async fresh(opening: Opening = {}): Promise<Host> {
    const host = await this.host({ storage: "memory" });
    await clear(host);
    const began = Date.now();
    const answer = await host.load(opening);
    if (!answer.ready) throw new Error("the frame is not ready");
    starts.set(this.engine.name, Math.max(Date.now() - began, starts.get(this.engine.name) ?? 0));
    return host;
  }

  /** How long to wait before a frame counts as one that does not start: many times what a good start takes here. */
  get absence(): number {
    return Math.max(2000, 8 * (starts.get(this.engine.name) ?? 1000));
  }

  /** A host page with whatever enclave there is. */
  async host(opening: Opening = {}): Promise<Host> {
    const host = await Host.open(this.engine, this.origins, opening);
    this.#open.push(host);
    return host;
  }

  /** A tab with nothing in it. */
  async bare(): Promise<Host> {
    const host = new Host(this.engine, await this.engine.open(), this.origins);
    this.#open.push(host);
    return host;
  }

  async end(): Promise<void> {
    for (const host of this.#open.splice(0)) await host.close().catch(() => undefined);
  }
}

/** Drops the enclave's data as a browser does when the person clears a site. */
export async function clear(host: Host): Promise<void> {
  await host.tab.inFrame("() => localStorage.clear()");
  await dropDatabase(host);
}

/** The name of a host's database: engines list databases for none but themselves, or not at all. */
export const databaseOf = (host: Host): string => `briefcase-enclave ${host.origins.app}`;

/** Drops the database alone. */
export async function dropDatabase(host: Host): Promise<void> {
  await host.tab.inFrame(
    `name => new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = () => resolve();
      request.onerror = () => reject(request.error);
    })`,
    databaseOf(host),
  );
}

/** Where a case can be shown, and why nowhere else. */
export interface Only {
  readonly engines: readonly EngineName[];
  readonly because: string;
}

/** Engines in which a person can be played; that no window opens in the third is a case of its own. */
export const PERSON: Only = {
  engines: ["chromium", "firefox"],
  because: "WebKitGTK takes gestures in windows, and its automated browser opens none",
};

export interface Case {
  readonly name: string;
  /** For a case that not every engine can show: docs/enclave.md has the same row, which the tests compare. */
  readonly only?: Only;
  run(stage: Stage): Promise<void>;
}
