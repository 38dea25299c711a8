// The servers of the cases: two releases of the enclave, served by the project's own server; a host page on an allowed
// origin, and one on another origin.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./engines/engine.ts";
import { freePort } from "./engines/webkit.ts";

declare const ENCLAVE_FOLDER: string;

/** The origins of one engine. */
export interface Origins {
  readonly app: string;
  readonly kms: string;
  /** Another site that may embed the enclave too. */
  readonly far: string;
  /** An origin that may not embed the enclave. */
  readonly evil: string;
}

/** `two` is an update of `one`; `three` is only served tampered. */
export type Release = "one" | "two" | "three";

const XTASK = process.env["ENCLAVE_XTASK"] ?? "";
const names = {
  app: "app.briefcase.localhost",
  kms: "kms.briefcase.localhost",
  far: "far.localhost",
  evil: "evil.localhost",
} as const;
/** Folders: `far` serves the files of `app` with fewer headers. */
const FOLDERS = ["app", "kms", "far", "evil"] as const;

export class World {
  /** The servers by port. */
  readonly #servers = new Map<number, { readonly process: ChildProcess; readonly sites: readonly string[] }>();
  /** The requests that reached the attacker's server. */
  readonly stolen: string[] = [];
  #attacker: Server | undefined;

  private constructor(
    readonly folder: string,
    readonly named: Origins,
    readonly numbered: Origins,
    readonly attacker: string,
  ) {}

  static async start(): Promise<World> {
    if (XTASK === "") throw new Error("run by `cargo xtask enclave test`");
    const folder = await mkdtemp(join(tmpdir(), "enclave-world-"));
    const port = await freePort();
    const named = origins(name => `http://${names[name]}:${port}`);
    const ports = { app: await freePort(), kms: await freePort(), far: await freePort(), evil: await freePort() };
    // Ports of one address are one site; a host name for that address is another.
    const numbered = origins(name => `http://${name === "far" ? "localhost" : "127.0.0.1"}:${ports[name]}`);
    const attacker = `http://127.0.0.1:${await freePort()}`;
    const world = new World(folder, named, numbered, attacker);
    await world.#listen();
    world.#build("one", []);
    // Another host changes the module, which is enough for another release.
    world.#build("two", ["--host", "http://other.briefcase.localhost"]);
    world.#build("three", ["--host", "http://third.briefcase.localhost"]);
    await world.release("one");
    await world.#pages(named, numbered);
    const sites = FOLDERS.map(name => `${names[name]}=${folder}/${name}`);
    await world.#serve(port, sites);
    for (const name of FOLDERS) await world.#serve(ports[name], [`*=${folder}/${name}`]);
    return world;
  }

  /** Serves a release on the enclave's origin. */
  async release(name: Release): Promise<void> {
    await rm(`${this.folder}/kms`, { recursive: true, force: true });
    await cp(`${this.folder}/${name}`, `${this.folder}/kms`, { recursive: true });
  }

  /** Runs something while no server responds. */
  async offline<R>(work: () => Promise<R>): Promise<R> {
    for (const { process } of this.#servers.values()) {
      const ended = new Promise(resolve => process.once("exit", resolve));
      process.kill();
      await ended;
    }
    try {
      return await work();
    } finally {
      for (const [port, { sites }] of [...this.#servers]) await this.#serve(port, sites);
    }
  }

  /** The digest of a release's module, from its file name. */
  async digest(name: Release): Promise<string> {
    const [file] = await readdir(`${this.folder}/${name}/artifacts`);
    return /^kms-([0-9a-f]{64})\.mjs$/.exec(file ?? "")?.[1] ?? "";
  }

  module(name: Release): Promise<Buffer> {
    return this.digest(name).then(digest => readFile(`${this.folder}/${name}/artifacts/kms-${digest}.mjs`));
  }

  async policy(): Promise<string> {
    const text = await readFile(`${this.folder}/kms/_headers`, "utf8");
    return /Content-Security-Policy: (.*)/.exec(text)?.[1] ?? "";
  }

  async stop(): Promise<void> {
    for (const { process } of this.#servers.values()) process.kill();
    this.#attacker?.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #build(name: string, more: readonly string[]): void {
    const { named, numbered } = this;
    const origins = [named.app, named.far, numbered.app, numbered.far].flatMap(origin => ["--host", origin]);
    const hosts = ["--local", ...origins, ...more];
    const { status } = spawnSync(XTASK, ["enclave", "build", "--out", `${this.folder}/${name}`, ...hosts], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status !== 0) throw new Error("the enclave could not be built");
  }

  /** Writes the host page, and the same page for an origin that may not embed the enclave. */
  async #pages(...sets: readonly Origins[]): Promise<void> {
    const frames = sets.flatMap(set => [`${set.kms}/kms.html`, `${set.app}/same.html`]).join(" ");
    const fetched = sets.map(set => set.kms).join(" ");
    const host = [
      "/*",
      `  Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src ${fetched}; frame-src ${frames}`,
      "  Cross-Origin-Embedder-Policy: require-corp",
      "  Cross-Origin-Opener-Policy: same-origin-allow-popups",
      "",
    ];
    const nested = sets.flatMap(set => [set.app, `${set.kms}/kms.html`]).join(" ");
    const evil = ["/*", `  Content-Security-Policy: default-src 'none'; script-src 'self'; frame-src ${nested}`, ""];
    for (const [name, headers] of [
      ["app", host],
      ["far", evil],
      ["evil", evil],
    ] as const) {
      await mkdir(`${this.folder}/${name}`, { recursive: true });
      await cp(`${ENCLAVE_FOLDER}test/pages`, `${this.folder}/${name}`, { recursive: true });
      const typed = `${headers.join("\n")}/index.html\n  Content-Type: text/html\n/same.html\n  Content-Type: text/html\n/host.js\n  Content-Type: text/javascript\n/same.js\n  Content-Type: text/javascript\n`;
      await writeFile(`${this.folder}/${name}/_headers`, typed);
    }
  }

  async #serve(port: number, sites: readonly string[]): Promise<void> {
    const args = ["enclave", "serve", "--port", String(port), ...sites.flatMap(site => ["--site", site])];
    const process = spawn(XTASK, args, { stdio: ["ignore", "ignore", "inherit"] });
    this.#servers.set(port, { process, sites });
    await until("the server listens", () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      ),
    );
  }

  #listen(): Promise<void> {
    const { port } = new URL(this.attacker);
    this.#attacker = createServer((request, response) => {
      this.stolen.push(request.url ?? "");
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.end("thanks");
    });
    return new Promise(resolve => this.#attacker?.listen(Number(port), "127.0.0.1", resolve));
  }
}

function origins(of: (name: keyof Origins) => string): Origins {
  return { app: of("app"), kms: of("kms"), far: of("far"), evil: of("evil") };
}
