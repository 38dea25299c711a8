// Key operations. Each purpose has its own signature format; no purpose can produce another's.

import { EnclaveError, LEASES } from "../../../../protocol/src/index.ts";
import { type Bytes, buffer, joined, owned, toBase64url, utf8 } from "../../bytes.ts";
import type { Handlers } from "../handler.ts";
import { agree, sign } from "../keys/algorithms.ts";
import { fromJwk } from "../keys/public.ts";

type Operations = Pick<Handlers, "sign" | "derive" | "vapidHeaders">;

/**
 * Builds the `info` of a derivation: label, host and the host's own value, each with its length, so the encoding is
 * unambiguous.
 */
function derivation(host: string, info: Bytes): Bytes {
  const label = utf8("briefcase enclave derive v1");
  const parts = [label, utf8(host), info];
  return joined(...parts.flatMap(part => [Uint8Array.of(part.length >> 8, part.length & 255), part]));
}

async function expand(shared: Bytes, info: Bytes): Promise<Bytes> {
  const base = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  shared.fill(0);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info };
  return owned(await crypto.subtle.deriveBits(how, base, 256));
}

export const operations: Operations = {
  sign: {
    kind: "act",
    act: async (tx, { kid, bytes }) => {
      const row = await tx.activeKey(kid, "signing");
      const signature = await sign(row.main.alg, await tx.keyring.privateKey(row.main), owned(bytes));
      await tx.countUse(row);
      tx.detail = { bytes: bytes.byteLength };
      return { signature: buffer(signature) };
    },
  },

  derive: {
    kind: "act",
    act: async (tx, { kid, peer, info }) => {
      const row = await tx.activeKey(kid, "agreement");
      const { alg, raw } = fromJwk(peer);
      if (alg !== "X25519") throw new EnclaveError("wrong_algorithm", "the peer's key is not a key agreement key");
      const shared = await agree(await tx.keyring.privateKey(row.main), raw);
      const bytes = await expand(shared, derivation(tx.host, owned(info)));
      await tx.countUse(row);
      return { bytes: buffer(bytes) };
    },
  },

  /** Until its expiry, the token authorizes every subscription made with this key at that push service. */
  vapidHeaders: {
    kind: "act",
    act: async (tx, { kid, aud, sub, ttl, relay = false }) => {
      const row = await tx.activeKey(kid, "vapid");
      const lifetime = ttl ?? (relay ? LEASES.relay : LEASES.own);
      if (lifetime > LEASES.max) throw new EnclaveError("lease_refused", "a token is valid for at most 24 hours");
      const { input, expires } = await lease(
        tx.core.vapidInput({ aud, sub, now: Math.floor(tx.now / 1000), ttl: lifetime }),
      );
      const signature = await sign("ES256", await tx.keyring.privateKey(row.main), utf8(input));
      await tx.countUse(row);
      tx.detail = { aud, expires, relay };
      const key = toBase64url(row.main.publicKey);
      return { Authorization: `vapid t=${input}.${toBase64url(signature)}, k=${key}`, exp: expires };
    },
  },
};

async function lease<R>(made: Promise<R>): Promise<R> {
  return made.catch((thrown: unknown) => {
    throw new EnclaveError("lease_refused", thrown instanceof Error ? thrown.message : "the token was refused");
  });
}
