// The origins of the cases: a host page, an enclave as the project builds it, and a foreign origin, behind one server
// that can tamper.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Release } from "../../../release-verifier/types.ts";

declare const TEST_FOLDER: string;
declare const TEST_OUT: string;

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Never responds. */
  readonly hang?: boolean;
}

/** A handler that may respond instead of the enclave's server. */
export type Cheat = (path: string, request: IncomingMessage) => Answer | undefined;

const NAMES = ["app", "kms", "evil"] as const;
type Name = (typeof NAMES)[number];
const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

/** One built release: its folder, and its entry in a manifest. */
export interface Built {
  readonly folder: string;
  readonly release: Release;
}

export class World {
  cheat: Cheat = () => undefined;
  /** The requests to the enclave's origin, with their destination. */
  readonly asked: string[] = [];
  /** The content of the manifest. */
  manifest!: { current: Release; allowed: Release[]; deprecated: Release[]; expires: number; version_floor: number };
  evidence = { identity: "release@briefcase.example", index: 7, witnesses: ["one.example", "two.example"] };
  served!: Built;
  one!: Built;
  two!: Built;

  private constructor(
    readonly server: Server,
    readonly folder: string,
    readonly port: number,
  ) {}

  static async start(): Promise<World> {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    const folder = await mkdtemp(join(tmpdir(), "bridge-world-"));
    const world = new World(server, folder, (server.address() as AddressInfo).port);
    server.on("request", (request, response) => void world.#answer(request, response));
    world.one = await world.#build("one", 1, []);
    // Another host changes the module, which is enough for another release.
    world.two = await world.#build("two", 2, ["--host", "http://other.briefcase.localhost"]);
    world.reset();
    return world;
  }

  /** Removes all tampering: release two is current and served, release one is allowed. */
  reset(): void {
    this.cheat = () => undefined;
    this.served = this.two;
    this.manifest = {
      current: this.two.release,
      allowed: [this.one.release],
      deprecated: [],
      expires: 4_000_000_000,
      version_floor: 1,
    };
    this.evidence = { identity: "release@briefcase.example", index: 7, witnesses: ["one.example", "two.example"] };
    this.asked.length = 0;
  }

  origin(name: Name): string {
    const site = name === "evil" ? "evil.localhost" : `${name}.briefcase.localhost`;
    return `http://${site}:${this.port}`;
  }

  get page(): string {
    return `${this.origin("kms")}/kms.html`;
  }

  get policy(): string {
    return JSON.stringify({ identity: "release@briefcase.example", quorum: 2 });
  }

  /** The headers file of the served release. */
  get rules(): string {
    return readFileSync(join(this.served.folder, "_headers"), "utf8");
  }

  get html(): string {
    return readFileSync(join(this.served.folder, "kms.html"), "utf8");
  }

  get policyOfPage(): string {
    return headersOf(this.rules, "/kms.html")["Content-Security-Policy"] ?? "";
  }

  file(path: string): Promise<Buffer> {
    return readFile(join(this.served.folder, path));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #build(name: string, version: number, more: readonly string[]): Promise<Built> {
    const xtask = process.env["ENCLAVE_XTASK"] ?? "";
    if (xtask === "") throw new Error("ENCLAVE_XTASK must name the project's command");
    const folder = `${this.folder}/${name}`;
    const args = ["enclave", "build", "--out", folder, "--local", "--host", this.origin("app"), ...more];
    const { status } = spawnSync(xtask, args, { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error("the enclave could not be built");
    const [module = ""] = await readdir(`${folder}/artifacts`);
    const release = {
      version,
      commit: "a".repeat(40),
      schema: 1,
      sha256: /[0-9a-f]{64}/.exec(module)?.[0] ?? "",
      page: sha256(await readFile(`${folder}/kms.html`)),
      headers: sha256(await readFile(`${folder}/_headers`)),
    };
    return { folder, release };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    const site = request.headers.host?.split(".")[0] ?? "";
    if (site === "kms") this.asked.push(`${path} ${request.headers["sec-fetch-dest"] ?? ""}`);
    const answer = (site === "kms" ? this.cheat(path, request) : undefined) ?? (await this.#honest(site, path));
    if (answer.hang === true) return;
    response.writeHead(answer.status ?? 200, { ...answer.headers });
    response.end(answer.body ?? "");
  }

  async #honest(site: string, path: string): Promise<Answer> {
    if (site === "app") return this.#app(path);
    if (site === "evil") return { headers: EVIL_HEADERS, body: EVIL };
    if (site !== "kms") return { status: 404 };
    const headers = headersOf(this.rules, path);
    const made = this.#evidence()[path];
    const body = made ?? (await this.file(path).catch(() => undefined));
    return body === undefined ? { status: 404 } : { headers, body };
  }

  #evidence(): Readonly<Record<string, string>> {
    const manifest = JSON.stringify({ form: "briefcase/kms-manifest@1", ...this.manifest });
    const { identity, ...proof } = this.evidence;
    const digest = sha256(manifest);
    return {
      "/.well-known/kms-manifest.json": manifest,
      "/.well-known/kms-manifest.sigstore.json": JSON.stringify({ identity, digest }),
      "/.well-known/kms-manifest.tlog-proof": JSON.stringify({ ...proof, digest }),
    };
  }

  async #app(path: string): Promise<Answer> {
    const kms = this.origin("kms");
    // The headers that docs/enclave-hosting.md requires of a host; `/loose` is a host without `frame-src`.
    const frames = path.startsWith("/loose") ? "*" : `${this.page} ${this.origin("evil")}/`;
    const headers = {
      "Content-Security-Policy": `default-src 'none'; script-src 'self'; connect-src ${kms}; frame-src ${frames}; require-trusted-types-for 'script'; trusted-types 'none'`,
      "Cross-Origin-Embedder-Policy": "require-corp",
      "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    };
    if (path === "/host.js") {
      return {
        headers: { "Content-Type": "text/javascript" },
        body: await readFile(`${TEST_OUT}/pages/host.js`),
      };
    }
    if (path === "/axe.js") {
      const axe = new URL("../../node_modules/axe-core/axe.min.js", `file://${TEST_FOLDER}`);
      return { headers: { "Content-Type": "text/javascript" }, body: await readFile(axe) };
    }
    return { headers: { ...headers, "Content-Type": "text/html; charset=utf-8" }, body: HOST };
  }
}

const HOST = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Host</title></head><body><main><h1>Host</h1>
<briefcase-enclave-status></briefcase-enclave-status></main><script src="/host.js"></script></body></html>`;

const EVIL_HEADERS = {
  "Content-Type": "text/html",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** Sends a ready message to any embedder and counts the ports it gets. */
const EVIL = `<!doctype html><title>Evil</title><script>
let given = 0;
addEventListener("message", event => { if (event.data && event.data.briefcase === "open") given += 1;
  if (event.data === "given?") event.source.postMessage({ given }, "*"); });
setInterval(() => parent.postMessage({ briefcase: "ready", schema: 1 }, "*"), 20);
</script>`;

function headersOf(rules: string, path: string): Record<string, string> {
  const found: Record<string, string> = {};
  let fits = false;
  for (const line of rules.split("\n")) {
    const rule = line.trim();
    if (line.startsWith("/")) fits = rule.endsWith("*") ? path.startsWith(rule.slice(0, -1)) : rule === path;
    else if (fits && rule !== "") found[rule.slice(0, rule.indexOf(":"))] = rule.slice(rule.indexOf(":") + 1).trim();
  }
  return found;
}
