// A stand-in for the three services behind Chromium's push: check-in, registration, and the message connection (MCS).
// Switches configure Chromium for it. The message origin is compiled into Chromium, so `here` replaces the origin of an
// endpoint.

import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { encode, readVarint, texts, varint } from "./protobuf.ts";
import type { Credentials } from "./rust.ts";
import { type Delivery, receive, type Subscriber } from "./service.ts";

const VERSION = 41;
const TAGS = { ping: 0, ack: 1, login: 2, welcome: 3, message: 8 } as const;
const DEVICE = 4_503_599_627_370_497n;

interface Registration {
  readonly category: string;
  readonly subtype: string;
  readonly sender: string;
}

export class Firebase {
  readonly #registrations = new Map<string, Registration>();
  /** Every message by its id. Messages are never acknowledged, so the browser lists its known ones at each login. */
  readonly #kept = new Map<string, Buffer>();
  #browser: Socket | undefined;

  private constructor(
    readonly origin: string,
    readonly connection: string,
    readonly servers: readonly { close(): void }[],
  ) {}

  static async start({ certificate, key }: Credentials): Promise<Firebase> {
    const tls = { cert: certificate, key };
    let firebase: Firebase;
    const web = createServer(tls, (request, response) => {
      const { pathname } = new URL(request.url ?? "", "https://localhost");
      if (pathname === "/checkin")
        response.end(
          encode([
            [1, 1],
            [7, DEVICE],
            [8, 77n],
          ]),
        );
      else if (pathname === "/register") body(request).then(form => response.end(firebase.#register(form)));
      else receive(request, response, firebase.#subscriber(pathname), firebase.origin);
    });
    const messages = createTlsServer(tls, socket => firebase.#talk(socket));
    const [port, other] = [await listen(web), await listen(messages)];
    firebase = new Firebase(`https://localhost:${port}`, `https://localhost:${other}`, [web, messages]);
    return firebase;
  }

  /** The switches for Chromium. */
  get switches(): readonly string[] {
    return [
      `--gcm-checkin-url=${this.origin}/checkin`,
      `--gcm-registration-url=${this.origin}/register`,
      `--gcm-mcs-endpoint=${this.connection}`,
      "--ignore-certificate-errors",
    ];
  }

  /** Maps Chromium's endpoint to this service. */
  here(endpoint: string): string {
    const { pathname } = new URL(endpoint);
    return `${this.origin}${pathname}`;
  }

  /** Ends a subscription, as a service does after long inactivity of the browser. */
  forget(endpoint: string): void {
    this.#registrations.delete(token(new URL(endpoint).pathname));
  }

  stop(): void {
    this.#browser?.destroy();
    for (const server of this.servers) server.close();
  }

  #register(form: URLSearchParams): string {
    if (form.get("delete") === "true") return "deleted=yes";
    const name = `token${this.#registrations.size + 1}:${Buffer.from(form.get("sender") ?? "")
      .toString("hex")
      .slice(0, 16)}`;
    this.#registrations.set(name, {
      category: form.get("app") ?? "",
      subtype: form.get("X-subtype") ?? "",
      sender: form.get("sender") ?? "",
    });
    return `token=${name}`;
  }

  #subscriber(path: string): Subscriber | undefined {
    const found = this.#registrations.get(token(path));
    if (found === undefined) return undefined;
    return {
      key: Buffer.from(found.sender, "base64url"),
      deliver: ({ body, ttl }: Delivery) => this.#deliver(found, body, ttl),
    };
  }

  /** Stores the message for a reconnecting browser, and writes it to an open connection. */
  #deliver({ category, subtype, sender }: Registration, body: Buffer, ttl: number): void {
    const id = `message-${this.#kept.size + 1}`;
    const data = (name: string, value: string) =>
      encode([
        [1, name],
        [2, value],
      ]);
    const coding = [
      [7, data("content-encoding", "aes128gcm")],
      [21, body],
    ] as const;
    const message = encode([
      [3, sender],
      [5, category],
      [7, data("subtype", subtype)],
      ...(body.length > 0 ? coding : []),
      [9, id],
      [17, ttl],
      [18, Math.floor(Date.now() / 1000)],
    ]);
    this.#kept.set(id, message);
    this.#write(TAGS.message, message);
  }

  #write(tag: number, message: Buffer): void {
    this.#browser?.write(Buffer.concat([Buffer.of(tag), varint(message.length), message]));
  }

  /** Responds to the browser's login and heartbeats. */
  #talk(socket: Socket): void {
    let waiting = Buffer.alloc(0);
    let greeted = false;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.#browser === socket) this.#browser = undefined;
    });
    socket.on("data", chunk => {
      waiting = Buffer.concat([waiting, chunk]);
      const start = () => (greeted ? 0 : 1);
      for (let next = frame(waiting, start()); next !== undefined; next = frame(waiting, start())) {
        waiting = waiting.subarray(next.end);
        if (!greeted) this.#greet(socket, next.message);
        else if (next.tag === TAGS.ping) this.#write(TAGS.ack, Buffer.alloc(0));
        greeted = true;
      }
    });
  }

  #greet(socket: Socket, login: Buffer): void {
    const [id = ""] = texts(login, 1);
    const [device] = texts(login, 3);
    if (device !== String(DEVICE)) throw new Error("a device that has not checked in");
    this.#browser = socket;
    socket.write(Buffer.of(VERSION));
    this.#write(
      TAGS.welcome,
      encode([
        [1, id],
        [8, Date.now()],
      ]),
    );
    const there = new Set(texts(login, 10));
    for (const [name, message] of this.#kept) if (!there.has(name)) this.#write(TAGS.message, message);
  }
}

/** Parses one message: tag, length, content. Returns nothing until it has arrived completely. */
function frame(bytes: Buffer, start: number): { tag: number; message: Buffer; end: number } | undefined {
  const [tag, length] = [bytes[start], readVarint(bytes, start + 1)];
  if (tag === undefined || length === undefined) return undefined;
  const end = length.end + Number(length.value);
  return end > bytes.length ? undefined : { tag, message: bytes.subarray(length.end, end), end };
}

const token = (path: string) => decodeURIComponent(path.split("/").at(-1) ?? "");

async function body(request: AsyncIterable<Buffer>): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request) text += chunk.toString();
  return new URLSearchParams(text);
}

async function listen(server: Server | ReturnType<typeof createTlsServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
