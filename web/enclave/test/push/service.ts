// The requirements of a push service on senders (RFC 8030, 8188, 8292), at least as strict as autopush and Firebase.

import type { IncomingMessage, ServerResponse } from "node:http";
import { refusal } from "./vapid.ts";

export interface Subscriber {
  /** The subscription's `applicationServerKey`. */
  readonly key: Buffer;
  /** Delivers a message to the browser. */
  deliver(message: Delivery): void;
}

export interface Delivery {
  readonly body: Buffer;
  readonly ttl: number;
}

/** The response to a sender. */
export interface Verdict {
  readonly status: number;
  readonly reason: string;
}

const MOST = 4096;

export function judge(
  request: { readonly headers: IncomingMessage["headers"]; readonly body: Buffer },
  subscriber: Subscriber | undefined,
  origin: string,
): Verdict {
  const { headers, body } = request;
  if (subscriber === undefined) return { status: 410, reason: "no such subscription" };
  const refused = refusal(headers.authorization, { origin, key: subscriber.key, now: Date.now() / 1000 });
  if (refused !== undefined) return { status: 401, reason: refused };
  if (!/^\d{1,8}$/.test(String(headers["ttl"] ?? ""))) return { status: 400, reason: "no TTL" };
  if (body.length > MOST) return { status: 413, reason: "too large" };
  if (body.length > 0 && headers["content-encoding"] !== "aes128gcm")
    return { status: 400, reason: "content without its coding" };
  return { status: 201, reason: "" };
}

/** Reads, verifies and delivers a message. */
export async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  subscriber: Subscriber | undefined,
  origin: string,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { status, reason } = judge({ headers: request.headers, body }, subscriber, origin);
  if (status === 201) subscriber?.deliver({ body, ttl: Number(request.headers["ttl"]) });
  response.writeHead(status, {
    "Content-Type": "text/plain",
    ...(status === 201 ? { TTL: request.headers["ttl"] } : {}),
  });
  response.end(reason);
}
