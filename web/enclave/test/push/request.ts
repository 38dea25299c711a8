// A sender without checks, for requests that the project's own sender refuses.

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Verdict } from "./service.ts";

export const HOUR = 3600;
export const now = (): number => Math.floor(Date.now() / 1000);

const base64url = (text: string): string => Buffer.from(text).toString("base64url");

/** A VAPID key outside any enclave, for signatures that no enclave produces. */
export class Outlaw {
  readonly #secret: KeyObject;
  readonly raw: Buffer;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { x = "", y = "" } = publicKey.export({ format: "jwk" });
    this.#secret = privateKey;
    this.raw = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  }

  token(
    claims: object,
    header: object = { typ: "JWT", alg: "ES256" },
    form: "ieee-p1363" | "der" = "ieee-p1363",
  ): string {
    const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
    const signature = sign("sha256", Buffer.from(input), { key: this.#secret, dsaEncoding: form });
    return `vapid t=${input}.${signature.toString("base64url")}, k=${this.raw.toString("base64url")}`;
  }
}

export async function post(
  url: string,
  headers: Readonly<Record<string, string | number | undefined>>,
  body: Buffer = Buffer.alloc(0),
): Promise<Verdict> {
  const sent = Object.entries(headers).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  // The stand-in's certificate is not part of this test.
  const going = request(url, { method: "POST", headers: Object.fromEntries(sent), rejectUnauthorized: false });
  going.end(body);
  const [answer] = (await once(going, "response")) as [IncomingMessage];
  let reason = "";
  for await (const chunk of answer) reason += chunk;
  return { status: answer.statusCode ?? 0, reason };
}
