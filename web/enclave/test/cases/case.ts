import type { Engine, EngineName } from "../engines/engine.ts";
import { Host, type Opening } from "../host.ts";
import type { Origins, World } from "../world.ts";

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
    const answer = await host.load(opening);
    if (!answer.ready) throw new Error("the frame is not ready");
    return host;
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

/**
 * Engines in which a person can be played. WebKitGTK takes gestures in a window only, and its test browser opens none
 * while it is automated (`window.open` gives null even after a trusted click).
 */
export const PERSON: readonly EngineName[] = ["chromium", "firefox"];

export interface Case {
  readonly name: string;
  /** Engines that it runs in; all when nothing is said. */
  readonly engines?: readonly EngineName[];
  run(stage: Stage): Promise<void>;
}
