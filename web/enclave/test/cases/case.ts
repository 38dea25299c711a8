import type { Engine, EngineName } from "../engines/engine.ts";
import { Host, type Opening } from "../host.ts";
import type { Origins, World } from "../world.ts";

/** The slowest start of each engine, in milliseconds. */
const starts = new Map<EngineName, number>();

/** The environment of a case. */
export class Stage {
  readonly #open: Host[] = [];

  constructor(
    readonly world: World,
    readonly engine: Engine,
    readonly origins: Origins,
  ) {}

  /** Opens a host page with an empty enclave, as if the user had cleared the site. */
  async fresh(opening: Opening = {}): Promise<Host> {
    const host = await this.host({ storage: "memory" });
    await clear(host);
    const began = Date.now();
    const answer = await host.load(opening);
    if (!answer.ready) throw new Error("the frame is not ready");
    starts.set(this.engine.name, Math.max(Date.now() - began, starts.get(this.engine.name) ?? 0));
    return host;
  }

  /** Milliseconds after which a frame counts as blocked: many times a normal start. */
  get absence(): number {
    return Math.max(2000, 8 * (starts.get(this.engine.name) ?? 1000));
  }

  /** Opens a host page with the existing enclave. */
  async host(opening: Opening = {}): Promise<Host> {
    const host = await Host.open(this.engine, this.origins, opening);
    this.#open.push(host);
    return host;
  }

  /** Opens an empty tab. */
  async bare(): Promise<Host> {
    const host = new Host(this.engine, await this.engine.open(), this.origins);
    this.#open.push(host);
    return host;
  }

  async end(): Promise<void> {
    for (const host of this.#open.splice(0)) await host.close().catch(() => undefined);
  }
}

/** Deletes the enclave's data, as a browser does when the user clears a site. */
export async function clear(host: Host): Promise<void> {
  await host.tab.inFrame("() => localStorage.clear()");
  await dropDatabase(host);
}

/** The name of a host's database. Engines list databases only for their own origin, or not at all. */
export const databaseOf = (host: Host): string => `briefcase-enclave ${host.origins.app}`;

/** Deletes only the database. */
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

/** The engines that can run a case, and the reason for the others. */
export interface Only {
  readonly engines: readonly EngineName[];
  readonly because: string;
}

/** Engines with simulated user input. Another case checks that no popup opens in the third. */
export const PERSON: Only = {
  engines: ["chromium", "firefox"],
  because: "WebKitGTK confirms in popups, and its automated browser opens none",
};

export interface Case {
  readonly name: string;
  /** Set if not every engine can run the case; docs/enclave.md has the same row, which the tests compare. */
  readonly only?: Only;
  run(stage: Stage): Promise<void>;
}
