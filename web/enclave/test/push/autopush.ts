// A stand-in for Mozilla's push service: Firefox's connection (`dom.push.serverURL`) and its endpoints.

import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer as createPlainServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Credentials } from "./rust.ts";
import { receive, type Subscriber } from "./service.ts";
import { accept, type Connection } from "./websocket.ts";

interface Channel {
  readonly id: string;
  readonly key: Buffer;
}

/** A message from Firefox. */
interface Said {
  readonly messageType: "hello" | "register" | "unregister" | "ack" | "broadcast_subscribe" | "ping";
  readonly channelID?: string;
  readonly key?: string;
  readonly updates?: readonly { readonly version: string }[];
}

export class Autopush {
  readonly #channels = new Map<string, Channel>();
  /** Messages that the browser has not acknowledged, by version; they are sent again after a reconnect. */
  readonly #kept = new Map<string, string>();
  readonly #uaid = randomUUID().replaceAll("-", "");
  #browser: Connection | undefined;

  private constructor(
    readonly origin: string,
    readonly connection: string,
    readonly servers: readonly { close(): void }[],
  ) {}

  static async start({ certificate, key }: Credentials): Promise<Autopush> {
    let autopush: Autopush;
    const endpoints = createServer({ cert: certificate, key }, (request, response) => {
      const name = (request.url ?? "").split("/").at(-1) ?? "";
      receive(request, response, autopush.#subscriber(name), autopush.origin);
    });
    // Firefox rejects test certificates, so its side is plain HTTP, which a test setting allows.
    const browsers = createPlainServer((_, response) => response.writeHead(404).end());
    browsers.on("upgrade", (request, socket) => autopush.#open(accept(request, socket)));
    for (const server of [endpoints, browsers]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
    autopush = new Autopush(`https://localhost:${port(endpoints)}`, `ws://127.0.0.1:${port(browsers)}/`, [
      endpoints,
      browsers,
    ]);
    return autopush;
  }

  /** The preferences for Firefox. */
  get settings(): Record<string, unknown> {
    return {
      "dom.push.enabled": true,
      "dom.push.connection.enabled": true,
      "dom.push.serverURL": this.connection,
      "dom.push.testing.allowInsecureServerURL": true,
      "permissions.default.desktop-notification": 1,
    };
  }

  here(endpoint: string): string {
    return endpoint;
  }

  forget(endpoint: string): void {
    this.#channels.delete(endpoint.split("/").at(-1) ?? "");
  }

  stop(): void {
    this.#browser?.end();
    for (const server of this.servers) server.close();
  }

  #open(connection: Connection): void {
    this.#browser = connection;
    connection.heard = text => {
      const answer = this.#answer(JSON.parse(text));
      if (answer === undefined) return;
      connection.say(JSON.stringify(answer));
      if ("uaid" in answer) for (const note of this.#kept.values()) connection.say(note);
    };
  }

  #answer({ messageType, channelID = "", key = "", updates = [] }: Said): object | undefined {
    switch (messageType) {
      case "hello":
        return { messageType, uaid: this.#uaid, status: 200, use_webpush: true, broadcasts: {} };
      case "register": {
        const name = randomBytes(24).toString("base64url");
        this.#channels.set(name, { id: channelID, key: Buffer.from(key, "base64url") });
        return { messageType, channelID, status: 200, pushEndpoint: `${this.origin}/wpush/v2/${name}` };
      }
      case "unregister": {
        const [name] = [...this.#channels].find(([, channel]) => channel.id === channelID) ?? [""];
        this.#channels.delete(name);
        return { messageType, channelID, status: 200 };
      }
      case "ack":
        for (const { version } of updates) this.#kept.delete(version);
        return undefined;
      case "ping":
        return {};
      default:
        return undefined;
    }
  }

  #subscriber(name: string): Subscriber | undefined {
    const channel = this.#channels.get(name);
    if (channel === undefined) return undefined;
    return {
      key: channel.key,
      deliver: ({ body, ttl }) => {
        const content = body.length > 0 ? { data: body.toString("base64url"), headers: { encoding: "aes128gcm" } } : {};
        const note = { messageType: "notification", channelID: channel.id, version: randomUUID(), ttl, ...content };
        this.#kept.set(note.version, JSON.stringify(note));
        this.#browser?.say(JSON.stringify(note));
      },
    };
  }
}
