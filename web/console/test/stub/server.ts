/**
 * A stub daemon for the tests that follows the contract of `crates/api`: the same routes, headers, guards and session
 * rules. It checks challenge, origin, type and user verification of a credential, but not the authenticator's
 * signature, which the daemon's own tests cover.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Routes } from "./routes.ts";
import { type World, world } from "./world.ts";

export const HEADERS: Record<string, string> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

const FILES: Record<string, string> = {
  "/app.js": "text/javascript",
  "/app.css": "text/css",
  "/icon.svg": "image/svg+xml",
};
const PAGES = ["/", "/approvals", "/servers", "/receipts", "/budgets", "/policy", "/security"];
const DIST = new URL("dist/", CONSOLE_FOLDER);

export class Stub {
  readonly world: World = world();
  readonly routes = new Routes(this);
  /** The API requests, as `POST /v1/…`. */
  readonly asked: string[] = [];
  /** The requested files. */
  readonly served: string[] = [];
  #server: Server = createServer((request, response) => void this.#answer(request, response));
  #streams = new Set<ServerResponse>();
  #codes = new Set<string>();
  #tokens = new Set<string>();
  streaming = true;

  async start(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.hangUp();
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Returns a one-time address, as `briefcase console` opens it. */
  login(path = "/"): string {
    const code = randomBytes(32).toString("base64url");
    this.#codes.add(code);
    return `${this.origin}${path}#code=${code}`;
  }

  get tokens(): string[] {
    return [...this.#tokens];
  }

  endSessions(): void {
    this.#tokens.clear();
  }

  hangUp(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  tell(topic: "approvals" | "authority" | "receipts"): void {
    for (const stream of this.#streams) stream.write(`event: ${topic}\ndata:\n\n`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const url = new URL(request.url ?? "/", this.origin);
    if (request.headers.host !== new URL(this.origin).host) return void response.writeHead(403).end();
    if (!url.pathname.startsWith("/v1/")) return this.#file(url.pathname, response);
    this.asked.push(`${request.method} ${url.pathname}`);
    const body = await read(request);
    if (request.method === "POST" && request.headers["content-type"] !== "application/json")
      return void response.writeHead(403).end();
    if (url.pathname === "/v1/console/session") return this.#session(body, response);
    const token = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
    if (!this.#tokens.has(token)) return problem(response, 401, "no_session", "This session is over.");
    if (url.pathname === "/v1/events") return this.#events(response);
    await this.routes.answer(request.method ?? "GET", url, body, response);
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    this.served.push(path);
    const page = PAGES.includes(path) || /^\/approvals\/[^/]+$/.test(path);
    const name = page ? "index.html" : path.slice(1);
    const type = name === "index.html" ? "text/html; charset=utf-8" : FILES[path];
    if (type === undefined) return void response.writeHead(404).end();
    const bytes = await readFile(new URL(name, DIST));
    response.writeHead(200, { "content-type": type }).end(bytes);
  }

  #session(body: unknown, response: ServerResponse): void {
    const code = (body as { code?: string }).code ?? "";
    if (!this.#codes.delete(code))
      return problem(response, 403, "forbidden", "This address was used already or is older than a minute.");
    const token = randomBytes(32).toString("base64url");
    this.#tokens.add(token);
    json(response, { token });
  }

  #events(response: ServerResponse): void {
    if (!this.streaming) return void response.destroy();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": here\n\n");
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
  }
}

async function read(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString("utf8");
  return text === "" ? undefined : JSON.parse(text);
}

export function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

export function problem(response: ServerResponse, status: number, code: string, message: string, next = ""): void {
  const body = JSON.stringify({ code, message, next_step: next });
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}
