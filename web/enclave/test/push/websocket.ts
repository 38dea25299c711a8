// The server side of a WebSocket (RFC 6455), as far as Firefox's push connection needs it: texts, pings and close.

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KINDS = { text: 1, close: 8, ping: 9, pong: 10 } as const;

export interface Connection {
  heard: (text: string) => void;
  say(text: string): void;
  end(): void;
}

export function accept(request: IncomingMessage, socket: Duplex): Connection {
  const proof = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${MAGIC}`).digest("base64");
  const protocol = request.headers["sec-websocket-protocol"];
  const head = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${proof}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol.split(",")[0]}`]),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  const connection: Connection = {
    heard: () => undefined,
    say: text => void socket.write(framed(KINDS.text, Buffer.from(text))),
    end: () => void socket.destroy(),
  };
  let waiting = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", chunk => {
    waiting = Buffer.concat([waiting, chunk]);
    for (let next = unframed(waiting); next !== undefined; next = unframed(waiting)) {
      waiting = waiting.subarray(next.end);
      if (next.kind === KINDS.text) connection.heard(next.payload.toString());
      else if (next.kind === KINDS.ping) socket.write(framed(KINDS.pong, next.payload));
      else if (next.kind === KINDS.close) socket.end(framed(KINDS.close, next.payload));
    }
  });
  return connection;
}

function framed(kind: number, payload: Buffer): Buffer {
  const { length } = payload;
  const size = length < 126 ? [length] : [126, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(128 | kind, ...size), payload]);
}

/** Parses one masked frame of a client. Returns nothing until it has arrived completely. */
function unframed(bytes: Buffer): { kind: number; payload: Buffer; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 127;
  const from = short < 126 ? 2 : 4;
  if (short === 127) throw new Error("longer than a browser's push connection ever is");
  if (bytes.length < from + 4) return undefined;
  const length = short < 126 ? short : bytes.readUInt16BE(2);
  const end = from + 4 + length;
  if (bytes.length < end) return undefined;
  const mask = bytes.subarray(from, from + 4);
  const payload = Buffer.from(bytes.subarray(from + 4, end).map((byte, at) => byte ^ mask[at % 4]!));
  return { kind: bytes[0]! & 15, payload, end };
}
